import t from 'tap'
import { parseToolServers, ToolServersError } from '../../src/tools/mcp/parse-servers.js'
import { placeholder } from '../helpers/tools.js'

const variables = (name: string) => ({ KEY: 'k3pT', HOST: 'tools.example', LINES: 'a\nb' })[name]
const parse = (entry: unknown, name = 'x') =>
  parseToolServers(JSON.stringify({ mcpServers: { [name]: entry } }), variables)[0]

const url = 'http://127.0.0.1:1/mcp'
const http = {
  kind: 'http',
  name: 'x',
  url,
  headers: {},
  audience: url,
  disabled: false,
  users: undefined,
  tools: new Map(),
}
const stdio = {
  kind: 'stdio',
  name: 'x',
  command: 'c',
  args: [],
  env: {},
  cwd: undefined,
  disabled: false,
  users: undefined,
  tools: new Map(),
}

t.test('what a document declares', async (t) => {
  t.same(parseToolServers('{"mcpServers": {}}', variables), [], 'a document may declare no server')
  const declarations: [object, object][] = [
    [{ url }, http],
    [{ url, type: 'http' }, http],
    [
      { command: `${placeholder('KEY')}/c`, cwd: placeholder('HOST') },
      { ...stdio, command: 'k3pT/c', cwd: 'tools.example' },
    ],
    [
      { command: 'c', args: [placeholder('NO:-fallback'), placeholder('KEY:-unused'), placeholder('NO:-')] },
      { ...stdio, args: ['fallback', 'k3pT', ''] },
    ],
    [
      { url: placeholder('NO'), headers: { a: placeholder('NO') }, disabled: true },
      { ...http, url: '', audience: '', headers: { a: '' }, disabled: true },
    ],
    [{ url, type: 'streamable-http' }, http],
    [
      { url, audience: 'tools' },
      { ...http, audience: 'tools' },
    ],
    [
      { url, disabled: true, users: ['a', 'b'] },
      { ...http, disabled: true, users: new Set(['a', 'b']) },
    ],
    [
      { url, tools: { 'do it': { disabled: true }, b: { users: [] } } },
      {
        ...http,
        tools: new Map([
          ['do it', { disabled: true, users: undefined }],
          ['b', { disabled: false, users: new Set() }],
        ]),
      },
    ],
    [
      { url: `https://${placeholder('HOST')}/`, headers: { authorization: `Bearer ${placeholder('KEY')}` } },
      {
        ...http,
        url: 'https://tools.example/',
        audience: 'https://tools.example/',
        headers: { authorization: 'Bearer k3pT' },
      },
    ],
    [{ command: 'c' }, stdio],
    [
      { command: 'c', type: 'stdio', cwd: '/' },
      { ...stdio, cwd: '/' },
    ],
    [
      {
        command: 'c',
        args: ['-k', placeholder('KEY'), '$KEY', placeholder('')],
        env: { A: `${placeholder('KEY')}!` },
      },
      { ...stdio, args: ['-k', 'k3pT', '$KEY', placeholder('')], env: { A: 'k3pT!' } },
    ],
  ]
  for (const [entry, declared] of declarations) t.same(parse(entry), declared, JSON.stringify(entry))
  t.equal(
    parse({ url }, '__proto__')?.name,
    '__proto__',
    'any name is a name, also one that JavaScript treats specially',
  )
})

t.test('what is wrong is told with its place, and without a value', async (t) => {
  const refusals: [entry: unknown, message: string][] = [
    [null, 'mcpServers.x must be an object with a command or a url'],
    ['k3pT', 'mcpServers.x must be an object with a command or a url'],
    [{}, 'mcpServers.x must be an object with a command or a url'],
    [{ url, command: 'k3pT' }, 'mcpServers.x must have a command or a url, not both'],
    [{ url, comand: 'k3pT' }, 'mcpServers.x.comand is not a known field'],
    [{ url, args: ['k3pT'] }, 'mcpServers.x.args is not a known field'],
    [
      { url, type: 'sse' },
      'mcpServers.x.type must be http: the SSE transport, which http replaced, is not supported',
    ],
    [
      { url, type: 'k3pT' },
      'mcpServers.x.type must be equal to one of the allowed values (http, streamable-http)',
    ],
    [{ command: 'c', type: 'http' }, 'mcpServers.x.type must be stdio'],
    [{ command: '' }, 'mcpServers.x.command must NOT have fewer than 1 characters'],
    [{ command: 'c', args: ['a', 5] }, 'mcpServers.x.args[1] must be string'],
    [{ command: 'c', env: { A: 5 } }, 'mcpServers.x.env.A must be string'],
    [{ command: 'c', env: { A: placeholder('NO') } }, 'mcpServers.x.env.A needs NO, which is not set'],
    [{ command: 'c', args: [placeholder('NO')] }, 'mcpServers.x.args[0] needs NO, which is not set'],
    [{ url: placeholder('NO') }, 'mcpServers.x.url needs NO, which is not set'],
    [{ url, headers: { a: placeholder('NO') } }, 'mcpServers.x.headers.a needs NO, which is not set'],
    [{ url, headers: { a: placeholder('LINES') } }, 'mcpServers.x.headers.a is not a valid HTTP header'],
    [{ url, headers: { 'a b': 'k3pT' } }, 'mcpServers.x.headers.a b is not a valid HTTP header'],
    [{ url, users: 5 }, 'mcpServers.x.users must be array'],
    [{ url, users: [''] }, 'mcpServers.x.users[0] must NOT have fewer than 1 characters'],
    [{ url, disabled: 'no' }, 'mcpServers.x.disabled must be boolean'],
    [{ url, tools: { a: { user: [] } } }, 'mcpServers.x.tools.a.user is not a known field'],
    ...['k3pT', 'ftp://k3pT', 'http://u:k3pT@a', 'http://a/#k3pT', 'http://'].map((url): [object, string] => [
      { url },
      'mcpServers.x.url must be a URL that begins with http:// or https://, without a user or a fragment',
    ]),
  ]
  for (const [entry, message] of refusals) {
    t.throws(() => parse(entry), { constructor: ToolServersError, message }, JSON.stringify(entry))
  }
  for (const name of ['', 'a b', 'ä', 'a'.repeat(41)]) {
    const message = /must have a name of 1 to 40 of A-Z a-z 0-9 _ -$/
    t.throws(() => parse({ url }, name), { message }, `the name "${name}" is refused`)
  }
  const documents: [string, string][] = [
    ['k3pT', 'the document is not valid JSON'],
    ['{\n  "mcpServers": {\n    "k3pT"\n  }\n}', 'the document is not valid JSON (line 4)'],
    ['', 'the document is not valid JSON'],
    ['[]', 'the document must be object'],
    ['{}', 'mcpServers is missing'],
    ['{"mcpServers": []}', 'mcpServers must be object'],
    ['{"mcpServers": {}, "servers": "k3pT"}', 'servers is not a known field'],
  ]
  for (const [json, message] of documents) {
    t.throws(
      () => parseToolServers(json, variables),
      { constructor: ToolServersError, message },
      `refused: ${JSON.stringify(json)}`,
    )
  }
})

t.test('a token for one server is of no use to another', async (t) => {
  const both = (one: object, two: object) => () =>
    parseToolServers(JSON.stringify({ mcpServers: { one, two } }), variables).length
  const audience = 'tools'
  t.throws(
    both({ url: 'https://a/mcp', audience }, { url: 'https://b/mcp', audience }),
    {
      constructor: ToolServersError,
      message: 'mcpServers.two.audience must differ from that of one, which could use its tokens',
    },
    'two servers that share an audience are refused',
  )
  t.equal(both({ url: 'https://a/read', audience }, { url: 'https://a/write', audience })(), 2, 'one server')
  const authorization = { headers: { authorization: 'Bearer k' } }
  t.equal(
    both({ url: 'https://a/', audience }, { url: 'https://b/', audience, ...authorization })(),
    2,
    'a server that gets no tokens may share it',
  )
})
