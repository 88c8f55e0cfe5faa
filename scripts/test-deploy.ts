/**
 * Judges the Dockerfile and the manifests in scripts/deploy by their schemas and by what they have to agree on. Then follows the
 * Dockerfile's steps in a folder, as no engine is needed for, and runs what comes of it as compose.yaml does: roles, migration,
 * PgBouncer, server. `-- --install` has it run the Dockerfile's `npm ci`, too. The last line has the numbers of the checks.
 */
import { createCountedChecks } from './counted-checks.js'
import { checkComposed } from './deploy-checks/composed.js'
import { checkDockerfile, readDockerfile } from './deploy-checks/dockerfile.js'
import { readManifests } from './deploy-checks/files.js'
import { buildImage } from './deploy-checks/image.js'
import { checkManifests } from './deploy-checks/manifests.js'
import { installPackages } from './install-packages.js'
import { interrupted } from './interrupted.js'

const signal = interrupted()
const { check, run } = createCountedChecks(signal)

await run('deploy', async (folder) => {
  const modules = await installPackages('deploy-checks', signal, console.log)
  const [stages, manifests] = await Promise.all([readDockerfile(modules), readManifests(modules)])
  await checkDockerfile(modules, stages, check)
  await checkManifests(manifests, stages, { modules, folder, signal, check })
  const image = await buildImage(stages, folder, {
    modules,
    signal,
    installs: process.argv.includes('--install'),
  })
  await checkComposed(manifests, image, { folder, signal, check })
})
