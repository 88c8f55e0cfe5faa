import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../src/root.js'
import { testApp, tokenOf } from './helpers/app.js'
import { testFolder } from './helpers/cluster.js'

const root = fileURLToPath(packageRoot)
const workflows = 'contracts/workflows.arazzo.yaml'

interface Check {
  name: string
  status: string
  message?: string
}
interface Report {
  files: Record<
    string,
    { executedWorkflows: { workflowId: string; executedSteps: { stepId: string; checks: Check[] }[] }[] }
  >
}

/** Redocly's runner of Arazzo documents, as a user of the contract runs it. */
const respect = async (url: string, output: string): Promise<Report> => {
  const args = ['respect', workflows, '--server', `chat=${url}`, '--json-output', output]
  const inputs = { user_id: 'alice', token: tokenOf('alice'), key: randomUUID() }
  for (const [name, value] of Object.entries(inputs)) args.push('--input', `${name}=${value}`)
  const command = fileURLToPath(new URL('node_modules/.bin/redocly', packageRoot))
  const env = { ...process.env, NODE_OPTIONS: '', REDOCLY_TELEMETRY: 'off' }
  // It fails when a check fails, which its report says better.
  await promisify(execFile)(command, args, { cwd: root, env, timeout: 60_000 }).catch(() => {})
  return JSON.parse(await readFile(output, 'utf8'))
}

t.test('the main journeys go as the contract tells them', async (t) => {
  const app = await testApp(t)
  const report = await respect(app.url, join(await testFolder(t), 'report.json'))
  const [file] = Object.values(report.files)
  const executed = file?.executedWorkflows ?? []
  t.same(
    executed.map(({ workflowId }) => workflowId),
    ['first-chat', 'continue', 'retry-with-a-key', 'stream-and-resume', 'erase'],
    'every workflow is run',
  )
  for (const { workflowId, executedSteps } of executed) {
    for (const { stepId, checks } of executedSteps) {
      const failed = checks.filter(({ status }) => status !== 'success')
      t.ok(checks.length > 0, `${workflowId}: ${stepId} is checked`)
      t.same(failed, [], `${workflowId}: ${stepId} goes as it says`)
    }
  }
})
