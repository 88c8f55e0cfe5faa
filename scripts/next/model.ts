import { chatCompletions as wire } from '../../test/helpers/provider-wire.js'
import type { Scope } from '../../test/helpers/scope.js'
import { events, type Reply, upstream } from '../../test/helpers/upstream.js'

/** A provider that answers `slowly` with half an answer, and with the rest when it is told to, and all else at once. */
export const scriptedModel = async (scope: Scope) => {
  const provider = await upstream(scope)
  let goOn = () => {}
  const reply: Reply = (response, request) => {
    const { content } = request.body.messages.at(-1)
    if (content !== 'slowly') return events(...wire.answer(`You said: ${content}`))(response, request)
    const rest = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const answer = [wire.begin, wire.text('So far'), () => rest, wire.text(', so good.'), wire.finish()]
    return events(...answer, wire.usage, wire.done)(response, request)
  }
  provider.answer(reply)
  return { url: provider.url, abandoned: provider.abandoned, goOn: () => goOn() }
}

export type ScriptedModel = Awaited<ReturnType<typeof scriptedModel>>
