import t from 'tap'
import { validate, version } from 'uuid'
import { newId } from '../src/new-id.js'

t.test('ids are UUIDv7, and no randomness is used twice', async (t) => {
  const before = Date.now()
  // Many times what the pool holds.
  const ids = Array.from({ length: 10_000 }, newId)
  const after = Date.now()
  t.ok(
    ids.every((id) => validate(id) && version(id) === 7),
    'of version 7',
  )
  const times = ids.map((id) => Number.parseInt(id.replace('-', '').slice(0, 12), 16))
  t.ok(
    times.every((time) => before <= time && time <= after),
    'made at their time',
  )
  const random = ids.map((id) => id.slice('019a0c4e-7b7a-7'.length))
  t.equal(new Set(random).size, ids.length, 'each with random bits of its own')
})
