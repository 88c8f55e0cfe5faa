import type { Page, Request } from 'playwright-core'
import t, { type Test } from 'tap'
import { openInBrowser } from '../helpers/browser.js'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { startServer } from '../helpers/server.js'

interface Operation {
  operationId: string
  method: string
  path: string
  tags: string[]
  responses: Record<string, unknown>
}

/** A server as it starts with nothing set but the database, so that it is in development. */
const startInDevelopment = async (t: Test) => {
  const { url: DATABASE_URL } = await testDatabase(t)
  return startServer(t, { env: { DATABASE_URL, DATA_DIR: await testFolder(t) } })
}

/** The operations of the contract that the server publishes; what deletes comes last. */
const publishedOperations = async (url: string): Promise<Operation[]> => {
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Omit<Operation, 'method' | 'path'>>>
  }
  return Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ ...operation, method, path })),
    )
    .filter(({ operationId }) => operationId)
    .sort((a, b) => Number(a.method === 'delete') - Number(b.method === 'delete'))
}

/** Opens an operation of the page, and makes its fields editable. */
const tryOut = async (page: Page, { tags, operationId }: Operation) => {
  const block = page.locator(`#operations-${tags[0]}-${operationId}`)
  const summary = block.locator('.opblock-summary-control')
  await summary.click()
  await block.locator('.try-out__btn').click()
  const execute = block.locator('button.execute')
  return {
    /** Else each click waits for the page to draw all operations that are open. */
    close: () => summary.click(),
    field: (name: string) => block.locator(`tr[data-param-name="${name}"] input`),
    body: block.locator('textarea.body-param__text'),
    /** What it has sent, and what the page shows of the answer. */
    async execute() {
      const sent = page.waitForRequest((request) => /\/(api|health|\.well-known)\//.test(request.url()))
      await execute.click()
      const request: Request = await sent
      const status = (
        await block.locator('.live-responses-table tr.response .response-col_status').first().innerText()
      ).trim()
      return { status: Number.parseInt(status, 10), request }
    },
  }
}

/** What the page fills in by itself, since it would wait for the end of a stream that has none. */
const filledIn: Record<string, Record<string, string>> = { streamUpdates: { max_seconds: '1' } }

/** What an operation cannot do without, and nobody but its user can know. */
const typed: Record<string, Record<string, string>> = {
  searchMessages: { q: 'hello' },
  eraseUser: { confirm: 'demo' },
}

t.test('in development the first click on each operation of /docs is answered', async (t) => {
  const { url } = await startInDevelopment(t)
  const { page, faults } = await openInBrowser(t, `${url}/docs`)
  const ids: Record<string, string> = {}
  for (const operation of await publishedOperations(url)) {
    const { operationId, path, responses } = operation
    const { field, body, execute, close } = await tryOut(page, operation)
    // Ids are what nobody can know before.
    for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g)) {
      if (name === 'user_id') t.equal(await field(name).inputValue(), 'demo', `${operationId}: the demo user`)
      else await field(name).fill(ids[name] ?? '')
    }
    const query = new URLSearchParams(typed[operationId])
    for (const [name, value] of query) await field(name).fill(value)
    if (operationId === 'forkConversation') await body.fill(JSON.stringify({ message_id: ids.message_id }))
    const { status, request } = await execute()
    t.ok(status < 300 && status in responses, `${operationId} is answered with success: ${status}`)
    const { searchParams } = new URL(request.url())
    t.equal(
      `${searchParams}`,
      `${new URLSearchParams(filledIn[operationId] ?? query)}`,
      `${operationId}: no query that nobody typed`,
    )
    const headers = await request.allHeaders()
    t.match(headers, { authorization: /^Bearer \S+$/ }, `${operationId}: the development token`)
    t.notOk('idempotency-key' in headers || 'last-event-id' in headers, `${operationId}: no invented header`)
    await close()
    if (operationId === 'createTurn') Object.assign(ids, await (await request.response())?.json())
  }
  t.match(ids, { conversation_id: String, turn_id: String, message_id: String }, 'the first answer has ids')
  t.same(faults(), [], 'nothing failed in the page, and nothing left this machine')
})
