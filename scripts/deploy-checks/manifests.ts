import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readConfigRecorded } from '../../src/config.js'
import { run } from '../run.js'
import { checkComposeFile } from './compose-file.js'
import { lastStep, type Stage } from './dockerfile.js'
import { type Any, type Check, kubernetesFolder, type Manifests, type Pod, read, root } from './files.js'

interface Options {
  modules: string
  folder: string
  signal: AbortSignal
  check: Check
}

/** After the turns have ended, or were stopped (CLOSE_MS in src/commands/serve.ts). */
const closeSeconds = 30

const seconds = (text: string | number | undefined): number => Number(String(text).replace(/s$/, ''))

const fromPairs = (pairs: { key: string; value?: string }[]): Record<string, string> =>
  Object.fromEntries(pairs.map(({ key, value = '' }) => [key, value]))

const fromTexts = (texts: string[]): Record<string, string> =>
  Object.fromEntries(texts.map((text) => text.split('=', 2)))

const documentOf = ({ kubernetes }: Manifests, kind: string, name = 'colloquy'): Any =>
  [...kubernetes.values()]
    .flat()
    .find((document) => document.kind === kind && document.metadata.name === name)

/** Of each place to run: the variables that it gives the server, and how long that may take to end. */
const places = (
  manifests: Manifests,
): [place: string, env: Record<string, string>, graceSeconds: number][] => {
  const { compose, fly, render, railway, unit, kustomization } = manifests
  const { colloquy } = compose.services
  const [web] = render.services
  const [config] = kustomization.configMapGenerator
  const { terminationGracePeriodSeconds } = documentOf(manifests, 'Deployment').spec.template.spec
  const unitEnv = (unit.get('Environment') ?? []).flatMap((line) => line.split(' '))
  // What Railway gets as variables is in the guide.
  const railwayEnv = { CHAT_SHUTDOWN_MS: '120000', CHAT_SHUTDOWN_DELAY_MS: '10000' }
  return [
    ['compose', colloquy.environment, seconds(colloquy.stop_grace_period)],
    ['Kubernetes', fromTexts(config.literals), terminationGracePeriodSeconds],
    ['Fly', fly.env, seconds(fly.kill_timeout)],
    ['Render', fromPairs(web.envVars), web.maxShutdownDelaySeconds],
    ['Railway', railwayEnv, railway.deploy.drainingSeconds],
    ['systemd', fromTexts(unitEnv), seconds(unit.get('TimeoutStopSec')?.[0])],
  ]
}

/** Each place gives the server the time that it takes to end, that time is a turn's, and each variable is one. */
const checkPlaces = (manifests: Manifests, check: Check): void => {
  const known = new Set<string>()
  const { limits } = readConfigRecorded({}, known)
  for (const [place, env, grace] of places(manifests)) {
    const turns = Number(env.CHAT_SHUTDOWN_MS)
    const whole = (Number(env.CHAT_SHUTDOWN_DELAY_MS) + turns) / 1_000 + closeSeconds
    check(turns >= limits.turnTimeoutMs, `${place}: turns have ${turns} ms to end`)
    check(
      grace > whole && grace <= 300,
      `${place}: the server has ${grace} s to end, and may take ${whole} s`,
    )
    for (const name of Object.keys(env)) check(known.has(name), `${place}: there is no variable ${name}`)
  }
  const { render, railway, fly } = manifests
  const probes = [
    render.services[0].healthCheckPath,
    railway.deploy.healthcheckPath,
    ...fly.http_service.checks.map(({ path }: Any) => path),
  ]
  for (const path of probes) check(/^\/health\/(live|ready)$/.test(path), `there is no probe ${path}`)
}

const isSubset = (labels: Record<string, string> = {}, of: Record<string, string>): boolean =>
  Object.entries(labels).every(([key, value]) => of[key] === value)

/** A pod that passes Kubernetes' "restricted" standard, with bounds, and whose image is the kustomization's. */
const checkPod = (name: string, { metadata, spec }: Pod, user: number, check: Check): void => {
  const expect = (isRight: boolean, what: string) => check(isRight, `${name}: ${what}`)
  expect(spec.securityContext.runAsNonRoot === true, 'may run as root')
  expect(spec.securityContext.runAsUser === user, 'is another user than the image')
  expect(spec.securityContext.seccompProfile.type === 'RuntimeDefault', 'has no seccomp profile')
  expect(spec.automountServiceAccountToken === false, 'has a token of the cluster')
  expect(metadata.labels['app.kubernetes.io/name'] === 'colloquy', 'is not under the network policy')
  for (const { image, resources, securityContext } of spec.containers) {
    expect(image === 'colloquy', `has an image of its own, ${image}`)
    expect(Boolean(resources.requests.cpu && resources.limits.memory), 'has no resources')
    expect(securityContext.allowPrivilegeEscalation === false, 'may get privileges')
    expect(securityContext.readOnlyRootFilesystem === true, 'may write to its image')
    expect(securityContext.capabilities.drop.includes('ALL'), 'has capabilities')
  }
}

/** That what refers to something else refers to something that is there. */
const checkKubernetes = (
  manifests: Manifests,
  [port, user]: [port: number, user: number],
  check: Check,
): void => {
  const deployment = documentOf(manifests, 'Deployment')
  const { template, selector } = deployment.spec
  const { labels } = template.metadata
  checkPod('Deployment', template, user, check)
  checkPod('Job', documentOf(manifests, 'Job', 'colloquy-migrate').spec.template, user, check)
  const [container] = template.spec.containers
  check(container.ports[0].containerPort === port, 'Deployment: another port than the image')
  for (const name of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    const { path, port } = container[name].httpGet
    check(port === container.ports[0].name, `Deployment: ${name} asks another port`)
    check(
      path === `/health/${name === 'readinessProbe' ? 'ready' : 'live'}`,
      `Deployment: ${name} asks ${path}`,
    )
  }
  const selectors: [string, Record<string, string>][] = [
    ['Deployment', selector.matchLabels],
    ['Service', documentOf(manifests, 'Service').spec.selector],
    ['PodDisruptionBudget', documentOf(manifests, 'PodDisruptionBudget').spec.selector.matchLabels],
    ['NetworkPolicy', documentOf(manifests, 'NetworkPolicy').spec.podSelector.matchLabels],
    ...template.spec.topologySpreadConstraints.map(({ labelSelector }: Any) => [
      'topologySpreadConstraints',
      labelSelector.matchLabels,
    ]),
  ]
  for (const [name, wanted] of selectors) check(isSubset(wanted, labels), `${name}: selects no pod`)
  const job = documentOf(manifests, 'Job', 'colloquy-migrate').spec.template.metadata.labels
  check(!isSubset(selector.matchLabels, job), 'Job: its pod would be one that serves')
  const { scaleTargetRef } = documentOf(manifests, 'HorizontalPodAutoscaler').spec
  check(scaleTargetRef.name === deployment.metadata.name, 'HorizontalPodAutoscaler: scales nothing')
  check(deployment.spec.replicas === undefined, 'Deployment: it would undo what the autoscaler has set')
}

/** That it names all manifests, and, where kubectl is there, that it becomes what is meant. */
const checkKustomization = async (
  { kustomization, kubernetes }: Manifests,
  { signal, check }: Options,
): Promise<void> => {
  const applied = [...kubernetes.keys()].filter((file) => !file.includes('.example.'))
  check(
    [...kustomization.resources].sort().join() === applied.sort().join(),
    `kustomization.yaml: has ${kustomization.resources.join(', ')}`,
  )
  const built = await run('kubectl', ['kustomize', kubernetesFolder], { cwd: root, signal }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      console.log('There is no kubectl here: kustomization.yaml is read, and not built.')
    },
  )
  if (built === undefined) return
  const [{ newName, newTag }] = kustomization.images
  check(
    built.split(`image: ${newName}:${newTag}`).length === 3,
    'kustomization.yaml: an image has another name',
  )
  check(
    /configMapRef:\s+name: colloquy-\w+/.test(built),
    'kustomization.yaml: a changed variable is no rollout',
  )
}

/** Why a manifest's values are wrong by the JSON Schema of its kind; undefined when they are not. */
const faultOf = (Model: Any, document: Any): string | undefined => {
  try {
    new Model(document).validate()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * By Kubernetes' own schemas, made into validators and into types. The validators know values, and let fields pass that no kind
 * has; the compiler finds those.
 */
const checkKubernetesSchemas = async (
  { kubernetes }: Manifests,
  { modules, folder, signal, check }: Options,
): Promise<void> => {
  const lines: string[] = []
  for (const [file, documents] of kubernetes) {
    for (const document of documents) {
      const { apiVersion, kind } = document
      const path = `kubernetes-models/${apiVersion}/${kind}`
      // Its exports are for modules alone, which resolve from where they are.
      const models = await import(pathToFileURL(join(modules, `${path}.js`)).href)
      const fault = faultOf(models[kind], document)
      check(fault === undefined, `${file}: ${fault}`)
      lines.push(
        `export const of${lines.length}: import('${path}').I${kind} = ${JSON.stringify(document)} // ${file}`,
      )
    }
  }
  const typed = join(folder, 'manifests')
  await mkdir(typed)
  await symlink(modules, join(typed, 'node_modules'))
  await writeFile(join(typed, 'manifests.mts'), lines.join('\n'))
  const compilerOptions = { noEmit: true, strict: true, skipLibCheck: true, module: 'nodenext', types: [] }
  await writeFile(join(typed, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['manifests.mts'] }))
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false']
  const fault = await run(process.execPath, tsc, { cwd: typed, signal }).then(
    () => undefined,
    (error: Error) => error.message,
  )
  check(fault === undefined, `Kubernetes: a field that no kind has: ${fault}`)
}

export const checkManifests = async (
  manifests: Manifests,
  stages: Stage[],
  options: Options,
): Promise<void> => {
  const { modules, check } = options
  const final = stages.at(-1)
  const number = (keyword: string) => Number.parseInt((final && lastStep(final, keyword)?.words[0]) ?? '', 10)
  checkPlaces(manifests, check)
  checkKubernetes(manifests, [number('EXPOSE'), number('USER')], check)
  await checkKustomization(manifests, options)
  await checkKubernetesSchemas(manifests, options)
  await checkComposeFile(modules, check)
  const guide = await read('scripts/deploy/README.md')
  for (const name of ['CHAT_SHUTDOWN_MS=120000', 'CHAT_SHUTDOWN_DELAY_MS=10000'])
    check(guide.includes(name), `the guide does not give Railway ${name}`)
}
