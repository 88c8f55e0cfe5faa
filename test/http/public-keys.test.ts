import { generateKeyPairSync } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import t, { type Test } from 'tap'
import { createKeySet } from '../../src/http/key-set.js'
import { jwk, keyPairs, published, serving } from '../helpers/key-pairs.js'
import { listen } from '../helpers/listen.js'
import { issuer } from '../helpers/tokens.js'

const unavailable = { code: 'keys-unavailable' }
const log = { warn: () => {} }
const keysOf = (keys: unknown[]) => createKeySet({ url: issuer, log, fetch: serving(keys) })

t.test('a key that may not verify tokens is left out, and the others stay', async (t) => {
  const { EdDSA, ES256, RS256 } = keyPairs
  const ec = (more: object) => jwk(ES256.publicKey, { kid: 'bad', ...more })
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const bad: Record<string, unknown> = {
    'a private key': jwk(EdDSA.privateKey, { kid: 'bad' }),
    'a secret': { kty: 'oct', k: 'c2VjcmV0', kid: 'bad', alg: 'HS256' },
    'RSA of 1024 bits': jwk(small, { kid: 'bad' }),
    'RSA for PS256': jwk(RS256.publicKey, { kid: 'bad', alg: 'PS256' }),
    'RSA as HS256': jwk(RS256.publicKey, { kid: 'bad', alg: 'HS256' }),
    'EC for ES512': ec({ alg: 'ES512' }),
    'P-384': jwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey, { kid: 'bad' }),
    Ed448: jwk(generateKeyPairSync('ed448').publicKey, { kid: 'bad' }),
    X25519: jwk(generateKeyPairSync('x25519').publicKey, { kid: 'bad' }),
    'a point off the curve': ec({ x: jwk(ES256.publicKey).y }),
    'a key to encrypt with': ec({ use: 'enc' }),
    'a key to sign with': ec({ key_ops: ['sign'] }),
    'key_ops that are no array': ec({ key_ops: 'verify' }),
    'no kid': ec({ kid: undefined }),
    'a kid that is a number': ec({ kid: 7 }),
    'no key': null,
    text: 'bad',
  }
  for (const [name, key] of Object.entries(bad)) {
    const find = keysOf([key, ...published])
    for (const alg of ['EdDSA', 'ES256', 'RS256', 'HS256', 'PS256', 'ES512'])
      for (const kid of ['bad', 'undefined', '7']) t.equal(await find(alg, kid), undefined, `${name}, ${alg}`)
    t.type(await find('RS256', 'RS256'), 'string', `${name}: the others stay`)
    await t.rejects(keysOf([key])('EdDSA', 'bad'), unavailable, `${name}: alone it is no key set`)
  }
})

/** The key set of a real server that answers in this way. */
const served = async (t: Test, listener: RequestListener) => {
  const url = `${await listen(t, createServer(listener))}/jwks`
  return createKeySet({ url, log })
}

t.test('what is no key set counts as an outage', async (t) => {
  const good = JSON.stringify({ keys: published })
  const answers: Record<string, RequestListener> = {
    'status 500': (_, response) => response.writeHead(500).end(good),
    'no JSON': (_, response) => response.end('<html>'),
    'no keys': (_, response) => response.end('{"keys":{}}'),
    'an array': (_, response) => response.end('[]'),
    'an empty set': (_, response) => response.end('{"keys":[]}'),
    'a redirect to good keys': ({ url }, response) =>
      url === '/jwks' ? response.writeHead(302, { location: '/elsewhere' }).end() : response.end(good),
    'more than 256 KiB': (_, response) => response.end(good + ' '.repeat(256 * 1024)),
    'an endless body': (_, response) => {
      const timer = setInterval(() => response.write(' '.repeat(64 * 1024)), 1)
      response.on('close', () => clearInterval(timer))
    },
    'more than 100 keys': (_, response) =>
      response.end(JSON.stringify({ keys: [...published, ...Array.from({ length: 98 }, () => null)] })),
    'a connection that is cut': (_, response) => response.destroy(),
    'an answer that does not come in 5 seconds': () => {},
    'a body that does not end in 5 seconds': (_, response) => response.write(good),
  }
  const checks = Object.entries(answers).map(async ([name, listener]) => {
    const find = await served(t, listener)
    await t.rejects(find('EdDSA', 'EdDSA'), unavailable, name)
  })
  const find = await served(t, (_, response) => response.end(good))
  t.type(await find('EdDSA', 'EdDSA'), 'string', 'the same server is fine when it answers well')
  await Promise.all(checks)
})
