import t from 'tap'
import { type Json, testApp } from '../helpers/app.js'

type Test = Parameters<typeof testApp>[0]
const path = '/api/alice/conversations'

const start = async (t: Test) => {
  const app = await testApp(t)
  const create = async (metadata: Record<string, string>): Promise<string> =>
    (await app.call('POST', path, { body: { metadata } })).body.id
  const patch = (id: string, metadata: Json, headers = {}) =>
    app.call('PATCH', `${path}/${id}`, { body: { metadata }, headers })
  return { ...app, create, patch }
}

const pairs = (count: number, from = 0): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n + from}`, 'v']))

t.test('a patch is merged: it sets and removes what it names, and keeps the rest', async (t) => {
  const { create, patch, call } = await start(t)
  const id = await create({ kept: '1', changed: '2', removed: '3' })
  const { status, body } = await patch(id, { changed: 'new', removed: null, added: '', never: null })
  t.equal(status, 200, 'the patch is taken')
  t.same(body.metadata, { kept: '1', changed: 'new', added: '' }, 'the answer has the merged pairs')
  t.same((await call('GET', `${path}/${id}`)).body.metadata, body.metadata, 'and so is it stored')
  t.same((await patch(id, {})).body.metadata, body.metadata, 'an empty patch changes nothing')
})

t.test('two who write different keys at once keep both', async (t) => {
  const { create, patch, call } = await start(t)
  const id = await create({})
  const answers = await Promise.all(
    Object.entries(pairs(16)).map(([key, value]) => patch(id, { [key]: value })),
  )
  t.same([...new Set(answers.map(({ status }) => status))], [200], 'each is taken')
  t.same((await call('GET', `${path}/${id}`)).body.metadata, pairs(16), 'no key is lost')
})

t.test('what would be more than 16 pairs is refused, and nothing is changed', async (t) => {
  const { create, patch, call } = await start(t)
  const id = await create(pairs(16))
  const refused = await patch(id, { more: 'x', k0: 'y' })
  t.match(
    refused,
    { status: 422, body: { errors: [{ path: '/body/metadata', code: 'too-many' }] } },
    'a seventeenth pair',
  )
  t.same((await call('GET', `${path}/${id}`)).body.metadata, pairs(16), 'the pairs are as they were')
  const exchanged = await patch(id, {
    ...Object.fromEntries(Object.keys(pairs(16)).map((key) => [key, null])),
    ...pairs(16, 16),
  })
  t.same(exchanged.body.metadata, pairs(16, 16), 'sixteen may take the place of sixteen')
})

t.test(
  'a merge patch comes as JSON or as application/merge-patch+json, and only where one is taken',
  async (t) => {
    const { create, patch, call } = await start(t)
    const id = await create({ a: '1' })
    for (const type of ['application/merge-patch+json', 'Application/Merge-Patch+JSON; charset=utf-8']) {
      const { status, body } = await patch(id, { b: type }, { 'content-type': type })
      t.match({ status, body }, { status: 200, body: { metadata: { a: '1', b: type } } }, type)
      const bad = await patch(id, { b: 1 }, { 'content-type': type })
      t.match(
        bad,
        { status: 422, body: { errors: [{ path: '/body/metadata/b', code: 'type' }] } },
        `${type} is validated`,
      )
    }
    for (const [method, where, body] of [
      ['POST', '/api/alice/chat', { message: 'hi' }],
      ['POST', path, {}],
    ] as const) {
      const headers = { 'content-type': 'application/merge-patch+json' }
      const { status } = await call(method, where, { body, headers })
      t.equal(status, 415, `${method} ${where} takes none`)
    }
  },
)

t.test('a list is filtered by pairs of metadata', async (t) => {
  const { create, call } = await start(t)
  const kitchen = await create({ project: 'kitchen', 'a b&=[x]': 'ü' })
  const garden = await create({ project: 'garden' })
  const both = await create({ project: 'kitchen', draft: '1' })
  const list = async (query: string) => (await call('GET', `${path}?${query}`)).body
  const ids = async (query: string) => (await list(query)).data.map(({ id }: Json) => id)
  t.same(await ids('metadata[project]=kitchen'), [both, kitchen], 'one pair')
  t.same(await ids('metadata%5Bproject%5D=garden'), [garden], 'with its brackets encoded')
  t.same(await ids('metadata[project]=kitchen&metadata[draft]=1'), [both], 'two pairs, both of them')
  t.same(await ids('metadata[project]=nowhere'), [], 'a pair that no conversation has')
  t.same(await ids('metadata[__proto__]=x'), [], 'a key that JavaScript treats specially')

  const first = await list('metadata[project]=kitchen&limit=1')
  t.same(
    await ids(`metadata[project]=kitchen&limit=1&cursor=${first.next_cursor}`),
    [kitchen],
    'the next page of the same filter',
  )
  const bad: [query: string, at: string, code: string][] = [
    [`cursor=${first.next_cursor}`, '/query/cursor', 'cursor'],
    ['metadata=kitchen', '/query/metadata', 'type'],
    ['metadata=a&metadata=b', '/query/metadata', 'type'],
    ['metadata=a&metadata[project]=kitchen', '/query/metadata', 'type'],
    ['metadata[project]=kitchen&metadata=a', '/query/metadata', 'type'],
    ['metadata[a]=1&metadata[a]=2', '/query/metadata/a', 'type'],
    [`metadata[${'k'.repeat(65)}]=1`, `/query/metadata/${'k'.repeat(65)}`, 'too-long'],
    ['metadata[]=1', '/query/metadata/', 'too-short'],
    ['archived[a]=1', '/query/archived[a]', 'unknown'],
    [
      Object.keys(pairs(17))
        .map((key) => `metadata[${key}]=v`)
        .join('&'),
      '/query/metadata',
      'too-many',
    ],
  ]
  for (const [query, at, code] of bad) {
    const { status, body } = await call('GET', `${path}?${query}`)
    t.match(
      { status, errors: body.errors },
      { status: 422, errors: [{ path: at, code }] },
      `${query.slice(0, 40)} is refused`,
    )
  }
})
