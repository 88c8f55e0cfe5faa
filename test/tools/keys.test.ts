import { generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import t from 'tap'
import { parseSigningKeys, publicJwks } from '../../src/tools/signing-keys.js'
import { newToolsPem } from '../helpers/tools.js'

t.test('what is published of a key is its public part and its thumbprint', async (t) => {
  const pem = newToolsPem()
  const [key] = publicJwks(parseSigningKeys(pem))
  if (!key) return t.fail('no key')
  t.same(
    Object.keys(key).sort(),
    ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
    'only public members are published',
  )
  t.equal(key.kid, await calculateJwkThumbprint(key), 'the key id is the thumbprint')
})

t.test('several keys, one after the other, in any line ends', async (t) => {
  const pems = [newToolsPem(), newToolsPem()]
  const kids = pems.flatMap(parseSigningKeys).map(({ kid }) => kid)
  t.equal(new Set(kids).size, 2, 'two keys have two ids')
  const texts = {
    'one after the other': pems.join(''),
    'escaped line ends': pems.join('').replaceAll('\n', '\\n'),
    'Windows line ends': pems.join('\r\n'),
  }
  for (const [name, text] of Object.entries(texts)) {
    t.same(
      parseSigningKeys(text).map(({ kid }) => kid),
      kids,
      name,
    )
  }
})

t.test('what is no Ed25519 key is refused', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const bad = {
    'no PEM': 'key',
    'a key with text behind it': `${newToolsPem()}key`,
    'a key of another curve': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'a public key': publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    'a damaged key': newToolsPem().replace(/\n.{10}/, '\n'),
  }
  for (const [name, text] of Object.entries(bad)) t.throws(() => parseSigningKeys(text), Error, name)
})
