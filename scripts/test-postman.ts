/**
 * Runs the Postman collection with newman against a server of its own, as a new user gets it: from /postman.json, with nothing filled
 * in by hand. Then with all optional parameters, and with a token that is none, which its assertions have to notice. The last line
 * has the numbers of the assertions.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../src/root.js'
import { startServer } from './bench/server.js'
import { createCountedChecks } from './counted-checks.js'
import { installPackages } from './install-packages.js'
import { interrupted } from './interrupted.js'
import {
  type Collection,
  requestsOf,
  runCollection,
  type Sent,
  withOptionalParameters,
  withVariables,
} from './postman-run.js'

const signal = interrupted()
const { check, run } = createCountedChecks(signal)

/** Each assertion of each request counts. */
const checkSent = (run: string, sent: Sent[]): void => {
  for (const { name, assertions } of sent) {
    check(assertions.length > 0, `${run}: ${name} has no assertion`)
    for (const { assertion, failure } of assertions)
      check(failure === undefined, `${run}: ${name}: ${assertion}: ${failure}`)
  }
}

const checkOperations = async (collection: Collection): Promise<void> => {
  const contract = JSON.parse(await readFile(new URL('generated/openapi.json', packageRoot), 'utf8'))
  const operations = Object.values(contract.paths as Record<string, Record<string, { operationId?: string }>>)
    .flatMap((path) => Object.values(path))
    .flatMap(({ operationId }) => operationId ?? [])
  const names = requestsOf(collection).map(({ name }) => name.split(':')[0])
  for (const operation of operations) check(names.includes(operation), `${operation} has no request`)
}

const checkAll = async (folder: string): Promise<void> => {
  const modules = await installPackages('checkers', signal, console.log)
  const program = ['--import', 'tsx', 'src/main.ts', 'serve']
  // Without a secret of its own the server is in development, and fills in its token.
  const env = { DATA_DIR: join(folder, 'data'), BETTER_AUTH_SECRET: '' }
  const server = await startServer({ program, env }, { folder, signal })
  try {
    const collection = (await (await fetch(`${server.url}/postman.json`)).json()) as Collection
    await checkOperations(collection)
    checkSent('as it is', await runCollection(modules, collection))
    checkSent('all parameters', await runCollection(modules, withOptionalParameters(collection)))
    const refused = await runCollection(modules, withVariables(collection, { token: 'none' }))
    const open = new Set(requestsOf(collection).flatMap(({ name, request }) => (request.auth ? name : [])))
    for (const { name, assertions } of refused) {
      const isNoticed = assertions.some(({ failure }) => failure !== undefined)
      check(isNoticed === !open.has(name), `a wrong token: ${name} ${isNoticed ? 'fails' : 'passes'}`)
    }
  } finally {
    await server.stop()
  }
}

await run('postman', checkAll)
