import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface Generator {
  /** as it stands in the table of contracts/README.md */
  name: string
  /** its file in clients/ */
  client: string
  /** tried each time; of the others each day one */
  isMuchUsed?: boolean
  /** what makes `generated/` from `openapi.json`, each a program of the generators' packages and its arguments */
  commands: [program: string, ...args: string[]][]
  /** the text of its configuration, by file */
  config?: Record<string, string>
  /** packages that its code imports and that it has brought itself, because it needs them in an older version */
  ownPackages?: string[]
}

const orval = (output: object): Generator['config'] => ({
  'orval.config.mjs': `export default { chat: { input: './openapi.json', output: ${JSON.stringify(output)} } }`,
})

/** In the order of the table. A new one needs an entry here and a file in clients/. */
export const generators: Generator[] = [
  {
    name: 'openapi-typescript, openapi-fetch',
    client: 'openapi-fetch',
    isMuchUsed: true,
    commands: [['openapi-typescript', 'openapi.json', '-o', 'generated/api.ts']],
  },
  {
    name: '@hey-api/openapi-ts (fetch, zod)',
    client: 'hey-api',
    isMuchUsed: true,
    commands: [['openapi-ts']],
    config: {
      'openapi-ts.config.mjs': `export default {
  input: './openapi.json',
  output: 'generated',
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', 'zod', { name: '@hey-api/sdk', validator: true }],
}`,
    },
  },
  {
    name: 'orval (fetch)',
    client: 'orval-fetch',
    isMuchUsed: true,
    commands: [['orval']],
    config: orval({ target: 'generated/client.ts', client: 'fetch' }),
  },
  {
    name: 'orval (zod)',
    client: 'orval-zod',
    commands: [['orval']],
    config: orval({
      target: 'generated/zod.ts',
      client: 'zod',
      override: { zod: { generateEachHttpStatus: true } },
    }),
  },
  {
    name: 'kubb (fetch, zod)',
    client: 'kubb',
    commands: [['kubb', 'generate']],
    config: {
      'kubb.config.mjs': `import { pluginClient } from '@kubb/plugin-client'
import { pluginOas } from '@kubb/plugin-oas'
import { pluginTs } from '@kubb/plugin-ts'
import { pluginZod } from '@kubb/plugin-zod'

export default {
  root: '.',
  input: { path: './openapi.json' },
  output: { path: './generated', extension: { '.ts': '' } },
  plugins: [pluginOas(), pluginTs(), pluginZod(), pluginClient({ client: 'fetch', parser: 'zod', bundle: true })],
}`,
    },
  },
  {
    name: 'swagger-typescript-api',
    client: 'swagger-typescript-api',
    commands: [
      ['swagger-typescript-api', 'generate', '-p', 'openapi.json', '-o', 'generated', '-n', 'api.ts'],
    ],
  },
  {
    name: 'openapi-zod-client',
    client: 'openapi-zod-client',
    commands: [['openapi-zod-client', 'openapi.json', '-o', 'generated/api.ts', '--export-schemas']],
    ownPackages: ['zod', '@zodios/core', 'axios'],
  },
]

/** Where the packages are that a generator has brought itself, by name. */
export const ownPackages = (
  { client, ownPackages = [] }: Generator,
  modules: string,
): Record<string, string> =>
  Object.fromEntries(
    ownPackages
      .map((name) => [name, join(modules, client, 'node_modules', name)] as const)
      .filter(([, path]) => existsSync(path)),
  )
