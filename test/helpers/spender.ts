import type { Model, ModelRequest, ModelUsage } from '../../src/models/model.js'
import { ModelError } from '../../src/models/model-error.js'
import { createPrices } from '../../src/models/prices.js'

/** A token of output costs a microunit, one of input nothing: a turn reserves as much as it may answer. */
export const prices = createPrices({ currency: 'USD', models: { '*': { input: '0', output: '1' } } })

export const tokens = (output: number | null): ModelUsage => ({
  input_tokens: 0,
  output_tokens: output,
  cached_input_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: output,
})

/** Answers with as many tokens as the message says; waits at its gate for `wait`, and for others fails. */
export const spender = () => {
  const requests: ModelRequest[] = []
  let release = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const model: Model = {
    name: 'spender',
    async *run(request) {
      requests.push(request)
      const [what = '', number] = request.message.split(' ')
      if (what === 'refuse') throw new ModelError('model-overloaded', 'as asked')
      yield { type: 'text-delta', delta: 'so ' }
      if (what === 'break') throw new ModelError('model-broken-off', 'as asked')
      if (what === 'wait')
        await new Promise((resolve, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason))
          void gate.then(resolve)
        })
      yield { type: 'finish', usage: tokens(number === undefined ? null : Number(number)) }
    },
  }
  return { model, requests, open: () => release() }
}
