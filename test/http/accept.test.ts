import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'
import { rawExchange } from '../helpers/raw.js'

const body = '{"message":"hi"}'
const json = 'application/json'
const events = 'text/event-stream'

/** A request as bytes, since HTTP clients add an Accept of their own. */
const post = (accept: string | undefined, { version = '1.1', path = '/api/alice/chat', sent = body } = {}) =>
  [
    `POST ${path} HTTP/${version}`,
    'host: a',
    `authorization: Bearer ${tokenOf('alice')}`,
    'connection: close',
    `content-type: ${json}`,
    `content-length: ${sent.length}`,
    ...(accept === undefined ? [] : [`accept: ${accept}`]),
    '',
    sent,
  ].join('\r\n')

/** The status and the media type of an answer; that it is right is seen to by the test app. */
const answerTo = async (url: string, request: string): Promise<[status: number, mediaType: string]> => {
  const answer = await rawExchange(url, request)
  const [, status] = /^HTTP\/1\.[01] (\d{3}) /.exec(answer) ?? []
  const [, mediaType = ''] = /^content-type: ([^;\r]+)/im.exec(answer) ?? []
  return [Number(status), mediaType]
}

const asked: [accept: string | undefined, answered: string][] = [
  [undefined, json],
  ['', json],
  ['*/*', json],
  [json, json],
  [events, events],
  ['TEXT/EVENT-STREAM', events],
  ['text/*', events],
  ['application/*', json],
  [`${json}, ${events}`, json],
  [`${events}, ${json}`, events],
  [`${json};q=0.5, ${events}`, events],
  [`${events};q=0.5, ${json}`, json],
  [`${events};q=0.9, */*;q=0.1`, events],
  [`${events};q=0, */*`, json],
  [`${json};q=0, */*`, events],
  [`${events};charset=utf-8`, events],
  [`${events}; Charset="utf-8"; q=0.9, ${json};q=0.8`, events],
  [`${events};charset=utf-8;q=0.5, ${json}`, json],
  [`${json};profile="a, ${events};q=1", text/plain`, json],
  [`text/*;charset=utf-8`, events],
  [`${events};charset=utf-8;q=0, ${json};q=0.1`, json],
  [`${events};x=";\\"q=0", ${json};q=0.5`, events],
  [`application/json;charset=utf-8, ${events}`, json],
  [`*/*;charset=utf-8`, json],
  ['text/html', json],
  ['nonsense', json],
]

t.test('createTurn answers with what the client likes best, JSON where it does not say', async (t) => {
  const { url } = await testApp(t)
  for (const [accept, answered] of asked) {
    t.same(await answerTo(url, post(accept)), [200, answered], `Accept: ${accept ?? '(absent)'}`)
  }
})

t.test('an error is a problem, whatever is accepted', async (t) => {
  const { url } = await testApp(t)
  for (const accept of [undefined, json, events, 'text/html']) {
    const bad = post(accept, { sent: '{"message":1}' })
    t.same(
      await answerTo(url, bad),
      [422, 'application/problem+json'],
      `a bad request, Accept: ${accept ?? '(absent)'}`,
    )
    const path = '/api/alice/turns/019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e/stream'
    const unknown = post(accept, { path, sent: '' }).replace('POST', 'GET')
    t.same(
      await answerTo(url, unknown),
      [404, 'application/problem+json'],
      `an unknown turn, Accept: ${accept ?? '(absent)'}`,
    )
  }
})

t.test('a stream goes to a client of HTTP/1.0 as it is, to the connection’s end', async (t) => {
  const { url } = await testApp(t)
  const answer = await rawExchange(url, post(events, { version: '1.0' }).replace('connection: close\r\n', ''))
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  t.match(head, /^HTTP\/1\.[01] 200 /, 'the stream is answered')
  t.notMatch(head, /transfer-encoding/i, 'without chunks, which HTTP/1.0 does not know')
  const frames = rest.join('\r\n\r\n').split('\n\n')
  t.match(frames[0], /^id: 1-1\ndata: \{"type":"start"/, 'the first frame is complete')
  t.match(frames.at(-2), /^id: 1-\d+\ndata: \[DONE\]$/, 'the last frame is the end mark')
  t.equal(frames.at(-1), '', 'nothing comes after it')
})
