import type { Check, Context } from '../check.js'
import type { Contract, Operation } from '../contract.js'
import { beginsTurn, checksForEach, erasesUser, expect, sampleOf } from '../samples.js'

const answers = async (context: Context, operation: Operation): Promise<void> => {
  const sample = await sampleOf(context, operation, context.a)
  const judged = await context.call(operation, sample)
  expect(
    judged.status < 300,
    `a right request is ${judged.status} ${judged.json?.code ?? ''}`,
    operation.id,
    judged,
  )
}

/** The plain answer of every operation that costs nothing. What begins turns, or erases, has checks of its own. */
export const answerChecks = ({ operations }: Contract): Check[] =>
  checksForEach(
    operations.filter((operation) => !beginsTurn(operation) && !erasesUser(operation)),
    'answer',
    () => 'a right request is answered as the contract declares',
    answers,
  )
