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
    [{ command: '' }, 'mcpServers.x.command must not be empty'],
    [{ command: [] }, 'mcpServers.x.command must be string'],
    [{ command: 'c', args: ['a', {}] }, 'mcpServers.x.args[1] must be string'],
    [{ command: 'c', env: { A: ['k3pT'] } }, 'mcpServers.x.env.A must be string'],
    [{ command: 'c', env: { A: placeholder('NO') } }, 'mcpServers.x.env.A needs NO, which is not set'],
    [{ command: 'c', args: [placeholder('NO')] }, 'mcpServers.x.args[0] needs NO, which is not set'],
    [{ url: placeholder('NO') }, 'mcpServers.x.url needs NO, which is not set'],
    [{ url, headers: { a: placeholder('NO') } }, 'mcpServers.x.headers.a needs NO, which is not set'],
    [{ url, headers: { a: placeholder('LINES') } }, 'mcpServers.x.headers.a is not a valid HTTP header'],
    [{ url, headers: { 'a b': 'k3pT' } }, 'mcpServers.x.headers.a b is not a valid HTTP header'],
    [{ url, users: 5 }, 'mcpServers.x.users must be array'],
    [{ url, users: [''] }, 'mcpServers.x.users[0] must not be empty'],
    [{ url, disabled: 'no' }, 'mcpServers.x.disabled must be boolean'],
    [{ url, tools: { a: { user: [] } } }, 'mcpServers.x.tools.a.user is not a known field'],
    [{ url, users: null }, 'mcpServers.x.users must be array'],
    [{ url, enabled: 'k3pT' }, 'mcpServers.x.enabled must be boolean'],
    ...[
      { enabled: true, isActive: false },
      { active: true, isActive: false },
      { isActive: false, enabled: true },
    ].map((flags): [object, string] => [
      { url, ...flags },
      'mcpServers.x.isActive contradicts another field: write disabled',
    ]),
    ...[
      { tools: { '*': { disabled: true } } },
      { tools: { a: {}, '*': { users: [] } } },
      { disabledTools: ['*'] },
    ].map((limits): [object, string] => [
      { url, ...limits },
      'mcpServers.x.tools.* must be the name of one tool, not a pattern',
    ]),
    [{ url, headers: { Authorization: null } }, 'mcpServers.x.headers.Authorization must be string'],
    [{ url, disabledTools: 'k3pT' }, 'mcpServers.x.disabledTools must be array'],
    [
      { url, headers: { a: placeholder('input:key') } },
      'mcpServers.x.headers.a needs input:key, for which only an editor can ask: name an environment variable',
    ],
    ...['user', 'usres', 'Users'].map((name): [object, string] => [
      { url, [name]: ['k3pT'] },
      `mcpServers.x.${name} is not a known field: did you mean users?`,
    ]),
    ...['dissabled', 'disable'].map((name): [object, string] => [
      { url, [name]: true },
      `mcpServers.x.${name} is not a known field: did you mean disabled?`,
    ]),
    ...[
      'includeTools',
      'enabled_tools',
      'allowedUsers',
      'denyList',
      'permissions',
      'alwaysDeny',
      'requireApproval',
      'sandbox',
      'off',
      'whitelist',
      'blacklist',
      'forbidden',
      'prohibited',
      'omit',
      'ignore',
      'skip',
      'hidden',
      'private',
      'policy',
      'scopes',
      'visibility',
    ].map((name): [object, string] => [
      { url, [name]: ['k3pT'] },
      `mcpServers.x.${name} is not a known field, and may be a limit: write limits as disabled, users, tools`,
    ]),
    ...['k3pT', 'ftp://k3pT', 'http://u:k3pT@a', 'http://a/#k3pT', 'http://'].map((url): [object, string] => [
      { url },
      'mcpServers.x.url must be a URL that begins with http:// or https://, without a user or a fragment',
    ]),
  ]
  for (const [entry, message] of refusals) {
    t.throws(() => parse(entry), { constructor: ToolServersError, message }, JSON.stringify(entry))
  }
  for (const name of ['', 'ä', '中文']) {
    const message = /must have a name with one of A-Z a-z 0-9$/
    t.throws(() => parse({ url }, name), { message }, `the name "${name}" is refused`)
  }
  const documents: [string, string][] = [
    ['k3pT', 'the document is not valid JSON'],
    ['{\n  "mcpServers": {\n    "k3pT"\n  }\n}', 'the document is not valid JSON (line 4)'],
    ['', 'the document is not valid JSON'],
    ['[]', 'the document must be object'],
    ['{}', 'mcpServers is missing'],
    ['{"mcpServers": []}', 'mcpServers must be object'],
    ['{"mcpServers": {}, "servers": "k3pT"}', 'servers must be object'],
    ['{"mcpServers": {}, "users": ["k3pT"]}', 'users is not a known field: did you mean users?'],
    [
      `{"mcpServers": {"a": {"url": "${url}"}}, "servers": {"a": {"url": "${url}"}}}`,
      'servers.a is declared twice',
    ],
  ]
  for (const [json, message] of documents) {
    t.throws(
      () => parseToolServers(json, variables),
      { constructor: ToolServersError, message },
      `refused: ${JSON.stringify(json)}`,
    )
  }
})

t.test(
  'what other programs write is taken where it is clear, and named where it has no effect',
  async (t) => {
    const rows: [entry: object, declared: object, ignored?: string[]][] = [
      [{ httpUrl: url }, http],
      [{ serverUrl: url, type: 'streamableHttp' }, http],
      [{ httpUrl: url, url: 'http://127.0.0.1:2/sse' }, http, ['url']],
      [{ url, transport: 'streamable_http' }, http],
      [{ url, transportType: 'Streamable-HTTP' }, http],
      [{ url, type: 'sse' }, http, ['type']],
      [{ url, type: 'pigeon' }, http, ['type']],
      [{ command: 'c', type: 'http' }, stdio, ['type']],
      [
        { command: ['c', 'a'], type: 'local', environment: { A: 'b' } },
        { ...stdio, args: ['a'], env: { A: 'b' } },
      ],
      [{ url, description: 'Tasks', $schema: 'x', name: 'Tasks', headers: null, command: null }, http],
      [{ url, autoApprove: ['a'], alwaysAllow: [] }, http, ['autoApprove', 'alwaysAllow']],
      [
        { url, timeout: 60, toolTimeout: 5, tool_timeout_sec: 5 },
        http,
        ['timeout', 'toolTimeout', 'tool_timeout_sec'],
      ],
      [{ url, comand: 'c', args: ['a'], roots: [] }, http, ['comand', 'args', 'roots']],
      [
        { url, enabled: false },
        { ...http, disabled: true },
      ],
      [{ url, enabled: true }, http],
      [
        { url, enabled: true, disabled: true },
        { ...http, disabled: true },
      ],
      [
        { url, disabledTools: ['a'], excludeTools: ['b'], tools: { a: { users: ['u'] } } },
        {
          ...http,
          tools: new Map([
            ['a', { disabled: true, users: undefined }],
            ['b', { disabled: true, users: undefined }],
          ]),
        },
      ],
      [{ command: placeholder('env:KEY') }, { ...stdio, command: 'k3pT' }],
      [
        { url, isActive: false },
        { ...http, disabled: true },
      ],
      [{ url, active: true, tools: ['*'] }, http],
      [{ url, enabled: true, isEnabled: true, isActive: null }, http, ['isEnabled']],
      [{ url, headers: { 'x-a': null } }, http],
      [
        { command: 'c', args: ['-p', 80, true], env: { PORT: 8080, DEBUG: false, NONE: null } },
        { ...stdio, args: ['-p', '80', 'true'], env: { PORT: '8080', DEBUG: 'false' } },
      ],
      [
        { uri: ` ${url} `, headers: { 'x-n': 5 } },
        { ...http, headers: { 'x-n': '5' } },
      ],
      [
        { url, disabled: true, headers: { a: placeholder('input:a') } },
        { ...http, disabled: true, headers: { a: '' } },
      ],
    ]
    for (const [entry, declared, ignored = []] of rows) {
      const warnings: string[] = []
      const json = JSON.stringify({ mcpServers: { x: entry } })
      const [server] = parseToolServers(json, variables, (text) => warnings.push(text))
      t.same(server, declared, json)
      t.same(
        warnings.map((text) => /^mcpServers\.x\.(\w+) is ignored/.exec(text)?.[1]),
        ignored,
        `${json}: what has no effect is named`,
      )
    }
  },
)

t.test('a document may be one that an editor wrote', async (t) => {
  const entry = `{ "url": "${url}", /* the tasks */ "type": "http", }`
  const documents: [json: string, ignored: string[]][] = [
    [`\uFEFF{"mcpServers": {"x": {"url": "${url}"}}}`, []],
    [`// of the team\n{"$schema": "x", "mcpServers": {"x": ${entry},},}`, []],
    [`{"servers": {"x": ${entry}}, "inputs": [{"id": "a"}]}`, ['inputs is ignored']],
    [`{"mcpServers": {}, "servers": {"x": ${entry}}}`, []],
    [`{"mcpServers": null, "servers": {"_comment": "ours", "//": "", "x": ${entry}}}`, []],
  ]
  for (const [json, ignored] of documents) {
    const warnings: string[] = []
    t.same(
      parseToolServers(json, variables, (text) => warnings.push(text)),
      [http],
      JSON.stringify(json),
    )
    t.same(warnings, ignored, `${JSON.stringify(json)}: what has no effect is named`)
  }
  const broken = '{\n  // a comment\n  "mcpServers": {\n    "k3pT"\n  }\n}'
  const message = 'the document is not valid JSON (line 5)'
  t.throws(() => parseToolServers(broken, variables), { message }, 'a comment moves no line')
})

t.test('a server that an editor calls by any text is called by what is left of it', async (t) => {
  const names = (...given: string[]) => {
    const warnings: string[] = []
    const mcpServers = Object.fromEntries(given.map((name) => [name, { url }]))
    const servers = parseToolServers(JSON.stringify({ mcpServers }), variables, (text) => warnings.push(text))
    return [servers.map(({ name }) => name), warnings.length]
  }
  t.same(names('My server', '@scope/todo'), [['My_server', '_scope_todo'], 2], 'a warning tells the name')
  t.same(
    names('io.github.a/b', 'a'.repeat(41)),
    [['io_github_a_b', 'a'.repeat(40)], 2],
    'dots, and a long one',
  )
  t.same(names('todo-1', '_'), [['todo-1', '_'], 0], 'others stay')
  t.throws(() => names('a b', 'a_b'), { message: 'two servers are called a_b' }, 'no two are the same')
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
