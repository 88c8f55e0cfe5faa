import { generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import t from 'tap'
import { parseSigningKeys, publicJwks } from '../../src/tools/signing-keys.js'
import { newToolsPem } from '../helpers/tools.js'

t.test('what is published of a key is its public part and its thumbprint', async (t) => {
  const pem = newToolsPem()
  const [key] = publicJwks(parseSigningKeys(pem))
  if (!key) return t.fail('no key')
  t.same(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  t.equal(key.kid, await calculateJwkThumbprint(key))
})

t.test('several keys, one after the other, in any line ends', async (t) => {
  const pems = [newToolsPem(), newToolsPem()]
  const kids = pems.flatMap(parseSigningKeys).map(({ kid }) => kid)
  t.equal(new Set(kids).size, 2)
  for (const text of [pems.join(''), pems.join('').replaceAll('\n', '\\n'), pems.join('\r\n')]) {
    t.same(
      parseSigningKeys(text).map(({ kid }) => kid),
      kids,
    )
  }
})

t.test('what is no Ed25519 key is refused', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const bad = [
    'key',
    `${newToolsPem()}key`,
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    newToolsPem().replace(/\n.{10}/, '\n'),
  ]
  for (const text of bad) t.throws(() => parseSigningKeys(text))
})
