import t from 'tap'
import { type TestApp, testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { done, scriptedModel, words } from '../helpers/scripted.js'
import { errorOf, textOf, turnOf, typesOf } from '../helpers/stream.js'

const chat = '/api/alice/chat'
const begin = ({ stream }: TestApp, message: string) => stream('POST', chat, { body: { message } })

t.test('while an instance ends, it hands readers over, and finishes what it runs', async (t) => {
  const elsewhere = scriptedModel()
  const here = scriptedModel()
  const other = await testApp(t, { model: elsewhere.model })
  const { databaseUrl } = other
  const ending = await testApp(t, { model: here.model, databaseUrl, shutdownMs: 60_000 })
  const theirs = await begin(other, 'theirs')
  const { turn_id } = await turnOf(theirs)
  const path = `/api/alice/turns/${turn_id}/stream`
  const [follower, own] = await Promise.all([ending.stream('GET', path), begin(ending, 'own')])
  await elsewhere.say(words('one '))
  await here.say(words('mine '))
  await follower.until(({ event }) => textOf([event]) === 'one ')

  const closed = ending.app.close()
  // It ends now, while the turn that runs here keeps the instance alive.
  t.same(typesOf(await follower.all()).slice(-2), ['text-start', 'text-delta'], 'without its end')
  const refused = await ending.stream('GET', path)
  t.equal(refused.status, 503, 'and the reader is to come back elsewhere')
  const back = await other.stream('GET', path, {
    headers: { 'last-event-id': follower.frames.at(-1)?.id ?? '' },
  })

  await here.say([...words('too'), done])
  t.same(typesOf(await own.all()).slice(-2), ['finish', '[DONE]'], 'its own turn ends cleanly')
  t.equal(textOf(await own.all()), 'mine too', 'its own turn is whole')
  await closed
  await elsewhere.say([...words('two'), done])
  t.equal(textOf(await back.all()), 'two', 'the reader gets the rest elsewhere')
  t.equal(textOf(await theirs.all()), 'one two', 'the other instance’s client has the whole text')
})

t.test('past the bound a streamed turn is interrupted, and its readers are told', async (t) => {
  const { model, say } = scriptedModel()
  const other = await testApp(t)
  const ending = await testApp(t, { model, databaseUrl: other.databaseUrl, shutdownMs: 10 })
  const first = await begin(ending, 'hi')
  const { turn_id, conversation_id } = await turnOf(first)
  const path = `/api/alice/turns/${turn_id}/stream`
  const [local, remote] = await Promise.all([ending.stream('GET', path), other.stream('GET', path)])
  await say(words('half '))
  await first.until(({ event }) => textOf([event]) === 'half ')
  await ending.app.close()
  for (const [which, answer] of Object.entries({ first, local, remote })) {
    t.equal(errorOf(await answer.all()), 'turn-interrupted', `${which} is told of the interruption`)
    t.equal(textOf(await answer.all()), 'half ', `${which} has what was said`)
  }
  const messages = `/api/alice/conversations/${conversation_id}/messages`
  await until(async () => (await other.call('GET', messages)).body.data.length === 2)
  const [, answer] = (await other.call('GET', messages)).body.data
  t.match(answer, { status: 'interrupted', content: 'half ' }, 'what was said is stored')
})
