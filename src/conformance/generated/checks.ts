import { type CallOptions, type Check, type Context, Failure, type Judged } from '../check.js'
import type { Contract, Operation } from '../contract.js'
import { beginsTurn, erasesUser, takesFile } from '../samples.js'
import { isAllowed, mayBeRefused } from './beyond-schema.js'
import { brokenRequests } from './broken-request.js'
import { effects } from './effects.js'
import { forAll } from './property.js'
import {
  anyIds,
  type BrokenRequest,
  type Draft,
  hintsFor,
  idPlaceholder,
  knownIds,
  toCall,
  validDraft,
  varies,
} from './request.js'
import { schemasOf } from './schema.js'
import { idsFor, modelsOf, rowsOf, unchanged } from './world.js'

/** A place as a part of a check's id: `/body/metadata/*` becomes `body-metadata-each`. */
const nameOf = (place: string): string =>
  place
    .slice(1)
    .replaceAll('*', 'each')
    .replace(/[^A-Za-z0-9_]+/g, '-')

const successes = ({ responses }: Operation): number[] =>
  Object.keys(responses)
    .map(Number)
    .filter((status) => status < 300)

/** Whether all the rows that it names exist. */
const isOfKnownRows = ({ path, body }: Draft): boolean => {
  const { conversation_id = '{', message_id = '{' } = (body ?? {}) as Record<string, string | undefined>
  return [...Object.values(path), conversation_id, message_id].every((id) => id.startsWith('{'))
}

const tryValid = async (context: Context, operation: Operation, draft: Draft): Promise<void> => {
  const isKnown = isOfKnownRows(draft)
  const ids = await idsFor(context, operation)
  const allowed = mayBeRefused.filter(({ operations }) => operations(operation)).map(({ status }) => status)
  const answer = await context.call(operation, {
    ...toCall(draft, ids),
    expect: isKnown ? [...successes(operation), ...allowed] : [404],
    because: isKnown ? 'nothing in the contract forbids this request' : 'there is no such row',
  })
  if (answer.status < 300) await effects[operation.id]?.({ context, draft, answer, ids })
}

const validCheck = (contract: Contract, operation: Operation): Check => ({
  id: `generated-valid.${operation.id}`,
  title: `${operation.id} takes every request that the contract allows`,
  operation: operation.id,
  async run(context) {
    const hints = hintsFor(anyIds, await modelsOf(context))
    const drafts = validDraft(schemasOf(contract), operation, { ids: anyIds, hints }).filter((draft) =>
      isAllowed(operation, draft),
    )
    // Turns cost what the model costs, so few of them are run.
    const isCostly = beginsTurn(operation)
    const runs = isCostly || !varies(operation) ? Math.min(4, context.runs) : context.runs
    await forAll(context, drafts, { runs, shrinks: isCostly ? 6 : 100 }, (draft) =>
      tryValid(context, operation, draft),
    )
  },
})

/** Whether one place is the other, is in it or has it in it. `*` is any key. */
const isNear = (place: string, path: string): boolean => {
  const [one, other] = [place.toLowerCase().split('/'), path.toLowerCase().split('/')]
  return one.every((token, at) => token === '*' || other[at] === undefined || token === other[at])
}

const namesThePlace = (answer: Judged, at: string): void => {
  const { code, errors = [] } = answer.json as { code: string; errors?: { path: string }[] }
  if (code !== 'validation-failed' || errors.some(({ path }) => isNear(at, path))) return
  const paths = errors.map(({ path }) => path).join(', ')
  throw new Failure(`The problem's errors name ${paths || 'no place'}, not ${at}.`, 'Problem errors', answer)
}

const tryBroken = async (
  context: Context,
  operation: Operation,
  broken: BrokenRequest,
  draft: Draft,
): Promise<void> => {
  const rows = await rowsOf(context)
  const options: CallOptions = {
    ...toCall(draft, rows),
    expect: broken.statuses,
    because: `this request breaks a rule: ${describe(broken)}`,
  }
  const check = operation.method === 'GET' ? undefined : await unchanged(context, rows)
  const answer = await context.call(operation, options)
  if (answer.status === 422) namesThePlace(answer, broken.at)
  await check?.(answer)
}

const describe = ({ at, rule, sentence }: BrokenRequest): string =>
  `${rule} of ${at}${sentence ? ` ("${sentence}")` : ''}`

/** `ways` break the same rule, each in its own way. */
const brokenCheck = (operation: Operation, ways: BrokenRequest[], share: number): Check[] => {
  const [broken] = ways
  if (!broken) return []
  return [
    {
      id: `generated-invalid.${operation.id}.${nameOf(broken.at)}.${broken.rule}`,
      title: `${operation.id} refuses a request that breaks ${describe(broken)}, and changes nothing`,
      operation: operation.id,
      async run(context) {
        const least = Math.max(Math.min(2, context.runs), Math.ceil(context.runs * share))
        const options = { runs: Math.ceil(least / ways.length), shrinks: 100 }
        for (const way of ways)
          await forAll(context, way.draft, options, (draft) => tryBroken(context, operation, way, draft))
      },
    },
  ]
}

const byRule = (broken: BrokenRequest[]): BrokenRequest[][] => {
  const groups = new Map<string, BrokenRequest[]>()
  for (const way of broken) {
    const name = `${way.at} ${way.rule}`
    groups.set(name, [...(groups.get(name) ?? []), way])
  }
  return [...groups.values()]
}

/** The checks that send generated requests: valid ones, and for each rule of the contract some that break it alone. */
export const generatedChecks = (contract: Contract): Check[] =>
  contract.operations.flatMap((operation) => {
    if (takesFile(operation)) return []
    const schemas = schemasOf(contract)
    const hints = hintsFor(knownIds, [idPlaceholder('model_id')])
    const valid = validDraft(schemas, operation, { ids: knownIds, hints }).filter((draft) =>
      isAllowed(operation, draft),
    )
    const rules = byRule(brokenRequests(schemas, operation, valid, hints))
    return [
      ...(erasesUser(operation) ? [] : [validCheck(contract, operation)]),
      ...rules.flatMap((ways) => brokenCheck(operation, ways, 1 / rules.length)),
    ]
  })
