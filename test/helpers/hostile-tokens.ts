import { generateKeyPairSync } from 'node:crypto'
import { asymmetric, jwk, keyPairs } from './key-pairs.js'
import { base64url, claims, hs256, issuer, seconds } from './tokens.js'

const { publicKey } = keyPairs.ES256
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
const der = publicKey.export({ type: 'spki', format: 'der' })
const eve = generateKeyPairSync('ed25519')
const evesJwk = jwk(eve.publicKey, { alg: 'EdDSA', kid: 'eve' })

const withHeader = (header: unknown, signature = 'c2lnbmF0dXJl') =>
  `${base64url(header)}.${base64url(claims())}.${signature}`
const [head = '', body = '', signature = ''] = hs256().split('.')
// The last of 43 characters has two bits that no byte needs: this one reads as the same signature.
const respelled = signature.replace(/.$/, (last) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(last) + 1] ?? ''
})

/** Tokens that are refused, by the reason that the log gives. */
export const refused: Record<string, Record<string, string>> = {
  'not a signed token': {
    'an empty bearer': '',
    garbage: 'garbage',
    'two dots': '..',
    'three dots': '...',
    'two parts': `${head}.${body}`,
    'four parts': `${hs256()}.${signature}`,
    'no signature': `${head}.${body}.`,
    'alg none without a signature': `${base64url({ alg: 'none' })}.${body}.`,
    'an encrypted token': `${withHeader({ alg: 'dir', enc: 'A256GCM' })}.aXY.dGFn`,
    'two tokens': `${hs256()} ${hs256()}`,
    'a comma and another token': `${hs256()}, Bearer ${hs256()}`,
    'base64 with padding': `${hs256()}=`,
    'base64 of another alphabet': `${head}.${body}.${signature.replace(/^./, '+')}`,
    'base64 with unused bits': `${head}.${body}.${respelled}`,
  },
  'too long': {
    'a token of 9 KiB': hs256(claims({ more: 'x'.repeat(7 * 1024) })),
    garbage: '.'.repeat(8193),
  },
  FAST_JWT_INVALID_PAYLOAD: {
    'a payload that is no object': hs256('"canary"'),
    'a payload that is null': hs256('null'),
  },
  FST_JWT_AUTHORIZATION_TOKEN_INVALID: {
    'a header that is no object': withHeader('[]'),
    'a header that is no JSON': withHeader('canary'),
    'a payload that is no JSON': hs256('canary'),
    'another secret': hs256(claims(), {}, 'another secret of more than 32 bytes'),
    'the empty secret': hs256(claims(), {}, ''),
    'HS256 with a published key as PEM': hs256(claims(), { kid: 'ES256' }, pem),
    'HS256 with a published key as PEM, trimmed': hs256(claims(), { kid: 'ES256' }, pem.trim()),
    'HS256 with a published key as JWK': hs256(claims(), { kid: 'ES256' }, JSON.stringify(jwk(publicKey))),
    'HS256 with a published key as DER': hs256(claims(), { kid: 'ES256' }, der),
    'HS256 with the key in its header': hs256(claims(), { jwk: { kty: 'oct', k: 'canary' } }, 'canary'),
    'a changed payload': `${head}.${base64url(claims({ admin: true }))}.${signature}`,
    "another key's signature": asymmetric('EdDSA', claims(), {}, eve.privateKey),
    'a key of their own in the header': asymmetric('EdDSA', claims(), { jwk: evesJwk }, eve.privateKey),
  },
  alg: {
    'alg none': withHeader({ alg: 'none' }),
    'alg None': withHeader({ alg: 'None' }),
    'no alg': withHeader({}),
    'an alg that is no string': withHeader({ alg: ['HS256'] }),
    'an alg of the prototype': withHeader({ alg: 'constructor' }),
    'alg HS512': withHeader({ alg: 'HS512' }),
    'alg PS256': withHeader({ alg: 'PS256', kid: 'RS256' }),
  },
  crit: {
    'a crit header': hs256(claims(), { crit: ['canary'], canary: true }),
    'a crit header that is false': hs256(claims(), { crit: false }),
    'b64 false': hs256(claims(), { b64: false, crit: ['b64'] }),
  },
  kid: {
    'an unknown kid': asymmetric('EdDSA', claims(), { kid: 'canary' }),
    'no kid': asymmetric('EdDSA', claims(), { kid: undefined }),
    'a kid that is no string': asymmetric('EdDSA', claims(), { kid: ['EdDSA'] }),
    'a kid of another algorithm': asymmetric('EdDSA', claims(), { kid: 'ES256' }),
    'a kid that is a path': asymmetric('EdDSA', claims(), { kid: '../../../../dev/null' }),
    'a kid that is SQL': asymmetric('EdDSA', claims(), { kid: "' union select 'canary" }),
    'a kid of the prototype': asymmetric('EdDSA', claims(), { kid: '__proto__' }),
    'a key of their own by its id': asymmetric(
      'EdDSA',
      claims(),
      { jwk: evesJwk, kid: 'eve' },
      eve.privateKey,
    ),
  },
  exp: {
    'expired 5 seconds ago': hs256(claims({ exp: seconds - 5 })),
    'no exp': hs256(claims({ exp: undefined })),
    'exp 1e308': hs256('{"sub":"alice","exp":1e308}'),
    'exp 1e400': hs256('{"sub":"alice","exp":1e400}'),
    'exp -1e308': hs256('{"sub":"alice","exp":-1e308}'),
    'exp as text': hs256(claims({ exp: String(seconds + 900) })),
    'exp null': hs256(claims({ exp: null })),
    'exp in an array': hs256(claims({ exp: [seconds + 900] })),
  },
  nbf: {
    'nbf 6 seconds ahead': hs256(claims({ nbf: seconds + 6 })),
    'nbf 1e308': hs256(`{"sub":"alice","exp":${seconds},"nbf":1e308}`),
    'nbf as text': hs256(claims({ nbf: '0' })),
  },
  iat: {
    'iat 6 seconds ahead': hs256(claims({ iat: seconds + 6 })),
    'iat as text': hs256(claims({ iat: 'now' })),
    'iat null': hs256(claims({ iat: null })),
  },
  sub: {
    'no sub': hs256(claims({ sub: undefined })),
    'sub ""': hs256(claims({ sub: '' })),
    'sub 123': hs256(claims({ sub: 123 })),
    'sub {}': hs256(claims({ sub: {} })),
    'sub null': hs256(claims({ sub: null })),
    'sub in an array': hs256(claims({ sub: ['alice'] })),
    'sub with NUL': hs256(claims({ sub: 'alice\0' })),
    'sub with a line break': hs256(claims({ sub: 'alice\n' })),
    'sub with a slash': hs256(claims({ sub: '../alice' })),
    'sub "."': hs256(claims({ sub: '.' })),
    'sub ".."': hs256(claims({ sub: '..' })),
    'sub of 129 characters': hs256(claims({ sub: 'a'.repeat(129) })),
    'sub of the prototype': hs256(`{"__proto__":{"sub":"alice"},"exp":${seconds}}`),
  },
  iss: {
    'another issuer': asymmetric('EdDSA', claims({ iss: 'https://other.example' })),
    'an issuer with a slash more': asymmetric('EdDSA', claims({ iss: `${issuer}/` })),
    'no issuer': asymmetric('EdDSA', claims({ iss: undefined })),
    'issuers in an array': asymmetric('EdDSA', claims({ iss: [issuer] })),
  },
  aud: {
    'another audience': asymmetric('EdDSA', claims({ aud: 'https://other.example' })),
    'no audience': asymmetric('EdDSA', claims({ aud: undefined })),
    'an empty audience': asymmetric('EdDSA', claims({ aud: [] })),
    'audiences in audiences': asymmetric('EdDSA', claims({ aud: [[issuer]] })),
  },
}
