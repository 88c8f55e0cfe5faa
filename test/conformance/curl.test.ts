import { execFile } from 'node:child_process'
import { isDeepStrictEqual, promisify } from 'node:util'
import t from 'tap'
import { toCurl } from '../../src/conformance/curl.js'

/** Stands between arguments. */
const separator = '<|>'

/** What curl would be given: its arguments, each in hex, with the content of `@<(…)` in its place. */
const argumentsOf = async (line: string, env: Record<string, string> = {}): Promise<string[]> => {
  const show = `case "$one" in @/dev/fd/*) cat "\${one#@}";; *) printf %s "$one";; esac`
  const fake = `curl() { for one in "$@"; do ${show}; printf %s '${separator}'; done; }`
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', `${fake}\n${line}`], {
    env: { PATH: process.env.PATH, LC_ALL: 'C', ...env },
    encoding: 'buffer',
    maxBuffer: 4_000_000,
  })
  return stdout.toString('hex').split(hex(separator)).slice(4, -1)
}

const hex = (text: string | Buffer): string => Buffer.from(text).toString('hex')

t.test('a curl line says to a shell what was sent', async (t) => {
  const bodies: [what: string, body: string | Buffer][] = [
    ['quotes and dollars', `{"message":"it's $HOME \\"x\\" \`id\` \\\\ !"}`],
    ['several lines', '{\n\t"a": 1\n}'],
    ['another script', '{"message":"漢字 👩‍👩‍👧 \\u0000"}'],
    ['a long run', `{"message":"${'x'.repeat(262_200)}"}`],
    ['a long run of a wide character', `{"title":"${'😀'.repeat(10_001)}"}`],
    [
      'runs of what printf would read',
      `${'%'.repeat(500)}${"'".repeat(500)}${'\\'.repeat(500)}${'-'.repeat(500)}`,
    ],
    ['what curl would take for a file', '@/etc/passwd'],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x27, 0, 0x25, 0x5c, 0x0a, 0xfe, 0x7d])],
  ]
  for (const [what, body] of bodies) {
    const line = toCurl({ method: 'POST', url: 'http://h/x', headers: { 'content-type': 'a/b' }, body })
    const expected = ['-X', 'POST', 'http://h/x', '-H', 'content-type: a/b', '--data-binary', body]
    // Not t.same(), which takes long to compare long texts.
    t.ok(isDeepStrictEqual(await argumentsOf(line), expected.map(hex)), `${what}: ${line.slice(0, 300)}`)
    t.ok(line.length < 4_000, `${what}: the line stays short`)
  }
  const url = `http://h/x?a=${'%F0%9F%98%80'.repeat(700)}&b=${'x'.repeat(9_000)}`
  const line = toCurl({ method: 'GET', url, headers: {} })
  t.same(await argumentsOf(line), [hex(url)], 'a long URL')
  t.ok(line.length < 300, 'a long URL: the line stays short')
})

t.test('a curl line has a variable in place of a token, wherever it stands', async (t) => {
  const secrets = { 'se.cr.et': 'TOKEN_A', 'ot.h.er': 'TOKEN_B' }
  const headers = { authorization: ['Bearer se.cr.et', 'Bearer ot.h.er'], empty: '' }
  const line = toCurl({ method: 'HEAD', url: 'http://h/x?t=se.cr.et&y=%zz[0]', headers }, secrets)
  t.notMatch(line, /se\.cr\.et|ot\.h\.er/, 'no token is shown')
  t.same(
    await argumentsOf(line, { TOKEN_A: 'one', TOKEN_B: 'two' }),
    [
      '-I',
      'http://h/x?t=one&y=%zz[0]',
      '-H',
      'authorization: Bearer one',
      '-H',
      'authorization: Bearer two',
      '-H',
      'empty;',
    ].map(hex),
    'the shell puts them in',
  )
})
