import postgres from 'postgres'
import t from 'tap'
import { DatabaseUnavailable, isConnectionFatal, isReadOnly, toDatabaseError } from '../../src/db/errors.js'

const answer = (code: string, severity = 'ERROR') =>
  Object.assign(new postgres.PostgresError('x'), { code, severity })

t.test('which errors of a server mean that a client should come back', async (t) => {
  const unavailable = {
    none: [
      '25006',
      '25P03',
      '25P04',
      '26000',
      '40001',
      '40P01',
      '53100',
      '53200',
      '53300',
      '55P03',
      '57014',
      '57P01',
      '57P02',
      '57P03',
      '57P04',
      '57P05',
      '58000',
      '58030',
    ],
    unknown: ['08000', '08003', '08006', '08P01', '40003'],
  }
  for (const [outcome, codes] of Object.entries(unavailable)) {
    for (const code of codes) {
      const error = toDatabaseError(answer(code), 'unknown')
      t.type(error, DatabaseUnavailable, code)
      t.match(error, { outcome }, `${code}: ${outcome}`)
    }
  }
  for (const code of [
    '22021',
    '22P05',
    '23505',
    '25001',
    '28000',
    '40002',
    '42501',
    '42601',
    'XX000',
    'XX001',
  ]) {
    const ours = answer(code)
    t.equal(toDatabaseError(ours, 'none'), ours, `${code} is no weather`)
  }
})

t.test('after which a connection is given up', async (t) => {
  for (const error of [
    answer('25006'),
    answer('40001'),
    answer('57P01', 'FATAL'),
    new Error('a lost socket'),
  ]) {
    t.ok(isConnectionFatal(error), String((error as { code?: string }).code))
  }
  for (const code of ['23505', '40P01', '53100', '55P03', '57014'])
    t.notOk(isConnectionFatal(answer(code)), code)
})

t.test('what a caller is told', async (t) => {
  const detail = (code: string) => (toDatabaseError(answer(code), 'none') as DatabaseUnavailable).detail
  t.equal(detail('25006'), 'The database cannot be written at the moment.', 'a read-only server')
  t.equal(detail('53300'), 'The database has no connection free.', 'too many connections')
  t.equal(detail('53100'), 'The database is out of resources.', 'a full disk')
  t.equal(detail('55P03'), 'The database is too busy.', 'a lock that is not free')
  t.equal(detail('57P03'), 'The database cannot be reached.', 'a server that starts')
  t.ok(isReadOnly(toDatabaseError(answer('25006'), 'none')), 'it cannot be written')
  t.notOk(isReadOnly(toDatabaseError(answer('57P01'), 'none')), 'a server that stops is not called read-only')
})
