import postgres from 'postgres'
import t from 'tap'
import { hashText } from '../../src/db/hash-text.js'
import { createUserNodes, type Shard } from '../../src/db/user-nodes.js'
import { lendDatabase } from '../helpers/lent-database.js'

t.test('the hash of a text is that of PostgreSQL', async (t) => {
  const { superuserUrl } = await lendDatabase(t)
  const root = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => root.end())
  const texts = Array.from({ length: 60 }, (_, length) => [
    'x'.repeat(length),
    Array.from({ length }, (_, n) => String.fromCodePoint(33 + ((n * 7 + length * 13) % 90))).join(''),
    'é→😀'.repeat(length % 9),
  ]).flat()
  const rows = await root<{ hash: number }[]>`
    select hashtext(value) as hash from jsonb_array_elements_text(${root.json(texts)}) with ordinality order by ordinality`
  t.same(
    texts.map(hashText),
    rows.map(({ hash }) => hash),
    'of every length, and beyond ASCII',
  )
})

/** Until what is read has arrived. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

t.test(
  'a user is on the node of the shard of the hash, and on none that is known without Citus',
  async (t) => {
    let reads = 0
    let shards: Shard[] = [
      { max: hashText('alice') - 1, node: 'below' },
      { max: hashText('alice'), node: 'hers' },
      { max: 2 ** 31 - 1, node: 'above' },
    ]
    const nodes = createUserNodes(async () => {
      reads += 1
      if (shards.length === 0) throw new Error('as asked')
      return shards
    }, 0)
    t.equal(nodes.nodeOf('alice'), '', 'a plain database has no nodes')
    t.equal(reads, 0, 'and is not asked')
    nodes.foundCitus()
    t.equal(nodes.nodeOf('alice'), '', 'nobody waits for the first answer')
    await settled()
    t.equal(nodes.nodeOf('alice'), 'hers', 'the highest hash of a shard is its own')
    shards = [{ max: 2 ** 31 - 1, node: 'other' }]
    nodes.nodeOf('alice')
    await settled()
    t.equal(nodes.nodeOf('alice'), 'other', 'a shard that was moved is found')
    shards = []
    nodes.nodeOf('alice')
    await settled()
    t.equal(nodes.nodeOf('alice'), 'other', 'what is known stays while the database is away')
  },
)
