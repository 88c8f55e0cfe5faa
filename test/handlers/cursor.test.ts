import { createHash } from 'node:crypto'
import t from 'tap'
import { type CursorKey, encodeCursor } from '../../src/handlers/page.js'
import { testApp } from '../helpers/app.js'

/** A cursor with a right checksum around any bytes, as anybody who reads the source can make it. */
const forge = (scope: CursorKey, bytes: string): string => {
  const payload = Buffer.from(bytes).toString('base64url')
  const sum = createHash('sha256').update(JSON.stringify(scope)).update(payload).digest('base64url')
  return `${payload}.${sum.slice(0, 16)}`
}

const id = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'
const time = '2026-02-28T00:00:00.000Z'
const shapeless = ['', 'x', '{', '[', '\xff', 'null', '[null]', 'true', '0', '"x"', '{}', '[]', '[{}]']

t.test('a forged cursor with a right checksum is a 422, and nothing breaks', async (t) => {
  const { call, chat } = await testApp(t)
  const { conversation_id } = await chat('hi')
  const lists: [path: string, scope: CursorKey, good: string, bad: string[]][] = [
    [
      '/api/alice/conversations',
      ['listConversations', 'alice', 'false', '[]'],
      JSON.stringify([time, id]),
      [
        ...[
          '2026-02-31T00:00:00.000Z',
          '2026-02-30T23:59:59.999Z',
          '2026-02-31T25:00',
          '2026-01-01T25:00:00.000Z',
          '2026-13-01T00:00:00.000Z',
          '2026-00-00T00:00:00.000Z',
          '0000-01-01T00:00:00.000Z',
          'infinity',
          'now',
          '',
          0,
          null,
          [time],
        ].map((bad) => JSON.stringify([bad, id])),
        ...['', 'x', id.slice(1), `${id}0`, id.replace('0', 'g'), 1, null, {}, [id]].map((bad) =>
          JSON.stringify([time, bad]),
        ),
        JSON.stringify([id, time]),
        JSON.stringify([time]),
        JSON.stringify([time, id, id]),
      ],
    ],
    [
      `/api/alice/conversations/${conversation_id}/messages`,
      ['listMessages', 'alice', conversation_id, 'asc'],
      '[1]',
      ['["x"]', '[1.5]', '[99999999999]', '[1e300]', '[-1]', '[0]', '["1;"]', '["1\\n"]', '[[1]]', '[1,1]'],
    ],
    [
      `/api/alice/conversations/${conversation_id}/turns`,
      ['listTurns', 'alice', conversation_id, 'asc'],
      '[1]',
      ['["x"]', '[1.5]', '[99999999999]', '[-1]', '[0]', '["1;"]', '[[1]]', '[1,1]'],
    ],
    [
      '/api/alice/usage',
      ['listUsage', 'alice', '-infinity', 'infinity'],
      '["2026-02-28","echo"]',
      [
        ...['2026-02-30', '2026-2-3', '0000-01-01', 'infinity', 'today', time, '', 0, null].map((bad) =>
          JSON.stringify([bad, 'echo']),
        ),
        ...['', 'a b', '\0', 'x'.repeat(201), null, {}].map((bad) => JSON.stringify(['2026-02-28', bad])),
      ],
    ],
  ]
  for (const [path, scope, good, bad] of lists) {
    t.equal(forge(scope, good), encodeCursor(scope, JSON.parse(good)), 'the checksum is right')
    const ask = (bytes: string) => call('GET', `${path}?cursor=${forge(scope, bytes)}`)
    t.equal((await ask(good)).status, 200, `${path}: an honest cursor is accepted`)
    for (const bytes of [...shapeless, ...bad]) {
      const { status, body } = await ask(bytes)
      t.same([status, body.code, body.errors?.[0].path], [422, 'validation-failed', '/query/cursor'], bytes)
    }
    t.equal((await ask(good)).status, 200, `${path}: and still is after the forged ones`)
  }
})
