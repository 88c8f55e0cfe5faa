import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../src/config.js'
import { ConfigError } from '../src/environment.js'

const folder = mkdtempSync(join(tmpdir(), 'assistants-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const write = (name: string, value: unknown): string => {
  const path = join(folder, name)
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}

const servers = write('servers.json', {
  mcpServers: { files: { url: 'http://127.0.0.1:1' }, web: { url: 'http://127.0.0.1:2' } },
})

/** The configuration with a file of assistants that has this. */
const withFile = (value: unknown) =>
  readConfig({
    CHAT_ASSISTANTS: write('assistants.json', value),
    CHAT_MODEL: 'echo',
    CHAT_MODELS: 'openai/a,anthropic/b',
    CHAT_MCP_CONFIG: servers,
  })

t.test('an assistant is what the file says, and the rest is as for everybody', async (t) => {
  const tutor = {
    ...{ name: 'tutor', title: 'Tutor', description: 'Explains.', temperature: 0, default: true },
    ...{ model: 'openai/a', models: ['anthropic/b', 'openai/a'], tools: ['files', 'web/search'] },
    system_prompt:
      'On {{ date }} for {{user_id}}: {{claims.https://a.example/plan}}, {{claims.name}}; \\{{date}}',
  }
  const { assistants, promptClaims } = withFile({
    claims: ['name', 'https://a.example/plan', 'unused'],
    assistants: [
      tutor,
      { name: 'plain' },
      { name: 'old', models: ['anthropic/b'], tools: [], retired: true },
    ],
  })
  t.same(
    assistants,
    [
      {
        ...{ name: 'tutor', title: 'Tutor', description: 'Explains.', systemPrompt: tutor.system_prompt },
        ...{ models: ['openai/a', 'anthropic/b'], tools: tutor.tools, temperature: 0 },
        ...{ isDefault: true, isRetired: false },
      },
      {
        ...{ name: 'plain', title: 'plain', description: null, systemPrompt: undefined },
        ...{ models: ['echo', 'openai/a', 'anthropic/b'], tools: undefined, temperature: undefined },
        ...{ isDefault: false, isRetired: false },
      },
      {
        ...{ name: 'old', title: 'old', description: null, systemPrompt: undefined, models: ['anthropic/b'] },
        ...{ tools: [], temperature: undefined, isDefault: false, isRetired: true },
      },
    ],
    'each in the order of the file',
  )
  t.same(
    promptClaims,
    ['https://a.example/plan', 'name'],
    'only the claims of the prompts are kept of tokens',
  )
  const none = readConfig({})
  t.same([none.assistants, none.promptClaims], [[], []], 'without a file there are none')
})

t.test('a file that is wrong stops the start, and the message says where', async (t) => {
  const one = (fields: object, claims: string[] = ['name']) => ({
    claims,
    assistants: [{ name: 'x', ...fields }],
  })
  const prompt = (system_prompt: string) => one({ system_prompt })
  const twice = { assistants: [{ name: 'x' }, { name: 'y' }, { name: 'x' }] }
  const bad: [value: unknown, says: RegExp][] = [
    ['{', /CHAT_ASSISTANTS must be the path of a valid file: valid JSON/],
    [[], /at \/: .*expected object/],
    [{}, /at \/assistants: /],
    [{ assistants: [], claim: [] }, /at \/: .*"claim"/],
    [{ assistants: [{ title: 'x' }] }, /at \/assistants\/0\/name: /],
    [one({ prompt: 'x' }), /at \/assistants\/0: .*"prompt"/],
    ...['', 'a b', 'é', 'x'.repeat(65)].map((name): [unknown, RegExp] => [
      { assistants: [{ name }] },
      /at \/assistants\/0\/name: must be 1 to 64 of/,
    ]),
    [one({ title: '' }), /title: must have 1 to 200 characters/],
    [one({ description: 'x'.repeat(1_001) }), /description: must have 1 to 1000 characters/],
    [prompt('😀'.repeat(50_001)), /system_prompt: must have 1 to 50000 characters/],
    [one({ temperature: 2.1 }), /temperature: /],
    [one({ temperature: '1' }), /temperature: /],
    [{ assistants: Array.from({ length: 101 }, (_, n) => ({ name: `x${n}` })) }, /at \/assistants: /],
    [twice, /there are two assistants of the name x\./],
    [
      one({ model: 'openai/b' }),
      /x has the model openai\/b, but CHAT_MODEL and CHAT_MODELS have echo, openai\/a/,
    ],
    [one({ models: ['gpt'] }), /x has the model gpt, /],
    [one({ models: [] }), /models: /],
    [one({ tools: ['mail'] }), /x has the tool mail, but .* CHAT_MCP_CONFIG has files, web/],
    [one({ tools: ['files/'] }), /x has the tool files\/,/],
    [one({ tools: ['read_file'] }), /x has the tool read_file,/],
    [prompt('for {{user}}'), /the system_prompt of x has \{\{user\}\}, but there are only/],
    [prompt('for {{ claims }}'), /has \{\{claims\}\}, but there are only/],
    [prompt('for {{}}'), /has \{\{\}\}, but there are only/],
    [prompt('for {{claims.email}}'), /has \{\{claims.email\}\}, but claims does not allow email/],
    [prompt('for {{claims.}}'), /claims does not allow/],
    [prompt('for {{date'), /has a \{\{ without \}\}/],
    [prompt('{{ {{date}}'), /has a \{\{ without \}\}/],
    [one({}, ['']), /at \/claims\/0: must be the name of a claim/],
    [one({ default: true, retired: true }), /x cannot be both default and retired/],
    [{ assistants: ['x', 'y'].map((name) => ({ name, default: true })) }, /there are two default assistants/],
  ]
  for (const [value, says] of bad) {
    t.throws(() => withFile(value), { message: says, constructor: ConfigError }, `${says}`)
  }
  const missing = { CHAT_ASSISTANTS: join(folder, 'none.json') }
  t.throws(() => readConfig(missing), { message: /CHAT_ASSISTANTS .*ENOENT/ }, 'a file that is not there')
})
