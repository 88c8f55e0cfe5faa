import type { Check, Context, Judged } from '../check.js'
import { modelsOf } from '../generated/world.js'
import { expect, expectEqual, expectProblem, shortMessage, unknownId } from '../samples.js'

const models = async (context: Context): Promise<void> => {
  const listed = await context.call('listModels', { expect: 200 })
  const defaults: boolean[] = listed.json.data.map(({ is_default }: { is_default: boolean }) => is_default)
  expect(
    defaults[0] === true && defaults.filter(Boolean).length === 1,
    'the first is not the only default',
    'ModelPage: the default first',
    listed,
  )
  const [name] = await modelsOf(context)
  const body = { conversation_id: await context.conversation(), message: shortMessage }
  await context.call('createTurn', { body: { ...body, model: name }, expect: 200 })
  const model = `conformance/${unknownId()}`
  await expectProblem(context, 'createTurn', { body: { ...body, model } }, 422, 'validation-failed')
}

const usage = async (context: Context): Promise<void> => {
  const days = async (): Promise<Judged> => {
    const first_day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)
    return context.call('listUsage', { query: { first_day, limit: 100 }, expect: 200 })
  }
  const sum = ({ json }: Judged): number =>
    json.data.reduce((total: number, { turns }: { turns: number }) => total + turns, 0)
  const before = sum(await days())
  const conversation_id = await context.conversation()
  await context.call('createTurn', {
    body: { conversation_id, message: shortMessage },
    expect: 200,
  })
  await context.call('deleteConversation', { path: { conversation_id }, expect: 204 })
  const after = await days()
  const message = `a turn was added, and the turns went from ${before} to ${sum(after)}`
  expect(sum(after) > before, message, 'listUsage: a turn counts once, and deleting changes nothing', after)
  if (after.json.next_cursor === null)
    expectEqual(after.json.total.turns, sum(after), 'the total of the turns', 'UsagePage: total', after)
  for (const query of [
    { first_day: '2026-02-30' },
    { first_day: '2026-11-02', last_day: '2026-11-01' },
    { last_day: 'today' },
  ])
    await expectProblem(context, 'listUsage', { query }, 422, 'validation-failed')
  const past = await context.call('listUsage', { query: { last_day: '2001-01-01' }, expect: 200 })
  expectEqual(
    [past.json.data, past.json.next_cursor],
    [[], null],
    'the usage before 2001',
    'listUsage: last_day',
    past,
  )
}

/** Who may answer, and what it has cost. */
export const modelAndUsageChecks: Check[] = [
  {
    id: 'models',
    title: 'a message may choose one of the listed models, and no other',
    operation: 'listModels',
    run: models,
  },
  { id: 'usage', title: 'usage counts turns, by day, deleted ones too', operation: 'listUsage', run: usage },
]
