import { z } from 'zod'
import type { EnvironmentReader } from './environment.js'
import { type Assistant, placeholdersOf } from './turns/assistants.js'

const maxPromptLength = 50_000

/** A bound in code points, as the contract counts. */
const text = (max: number) =>
  z
    .string()
    .refine((value) => value.trim() !== '' && [...value].length <= max, `must have 1 to ${max} characters`)

const names = z.array(z.string().min(1).max(200)).max(200)

const assistant = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -'),
  title: text(200).optional(),
  description: text(1_000).optional(),
  system_prompt: text(maxPromptLength).optional(),
  model: z.string().optional(),
  models: names.min(1).optional(),
  tools: names.optional(),
  temperature: z.number().min(0).max(2).optional(),
  default: z.boolean().optional(),
  retired: z.boolean().optional(),
})

const assistantsFile = z.strictObject({
  claims: z
    .array(z.string().regex(/^[^{}\s]{1,200}$/, 'must be the name of a claim'))
    .max(100)
    .default([]),
  assistants: z.array(assistant).max(100),
})

type Entry = z.infer<typeof assistant>

/** What an assistant may refer to. */
export interface Known {
  /** the models that a message may choose, the default first */
  models: readonly [string, ...string[]]
  /** the names of the tool servers */
  servers: readonly string[]
}

type Fail = (expected: string) => never

const claimPrefix = 'claims.'
const claimOf = (placeholder: string): string => placeholder.slice(claimPrefix.length)

const listed = (names: readonly string[]): string => names.join(', ') || 'none'

const checkPrompt = ({ name, system_prompt = '' }: Entry, claims: readonly string[], fail: Fail): void => {
  for (const placeholder of placeholdersOf(system_prompt)) {
    const place = `the system_prompt of ${name} has`
    if (placeholder === undefined) fail(`${place} a {{ without }}: write \\{{ for the signs themselves`)
    else if (placeholder.startsWith(claimPrefix)) {
      const claim = claimOf(placeholder)
      if (!claims.includes(claim)) fail(`${place} {{${placeholder}}}, but claims does not allow ${claim}`)
    } else if (placeholder !== 'user_id' && placeholder !== 'date') {
      fail(`${place} {{${placeholder}}}, but there are only {{user_id}}, {{date}} and {{claims.NAME}}`)
    }
  }
}

const checkTools = ({ name, tools = [] }: Entry, { servers }: Known, fail: Fail): void => {
  for (const tool of tools) {
    const [server = '', ...rest] = tool.split('/')
    if (servers.includes(server) && (rest.length === 0 || rest.join('/') !== '')) continue
    fail(
      `${name} has the tool ${tool}, but a tool is SERVER or SERVER/TOOL, and CHAT_MCP_CONFIG has ${listed(servers)}`,
    )
  }
}

/** The models of an assistant: those that it names, or all. */
const modelsOf = ({ name, model, models = [] }: Entry, known: Known, fail: Fail): Assistant['models'] => {
  const own = [...new Set([...(model === undefined ? [] : [model]), ...models])]
  const unknown = own.find((asked) => !known.models.includes(asked))
  if (unknown !== undefined)
    fail(`${name} has the model ${unknown}, but CHAT_MODEL and CHAT_MODELS have ${listed(known.models)}`)
  const [first, ...others] = own
  return first === undefined ? known.models : [first, ...others]
}

const toAssistant = (entry: Entry, claims: readonly string[], known: Known, fail: Fail): Assistant => {
  const { name, title = name, description = null, system_prompt: systemPrompt, tools, temperature } = entry
  const { default: isDefault = false, retired: isRetired = false } = entry
  if (isDefault && isRetired) fail(`${name} cannot be both default and retired`)
  checkPrompt(entry, claims, fail)
  checkTools(entry, known, fail)
  const models = modelsOf(entry, known, fail)
  return { name, title, description, systemPrompt, models, tools, temperature, isDefault, isRetired }
}

/** Why one of several is too many; undefined when there are no two. */
const findTwice = (values: readonly string[]): string | undefined =>
  values.find((value, n) => values.indexOf(value) !== n)

const parseAssistants = (json: string, known: Known, fail: Fail): Assistant[] => {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return fail('valid JSON')
  }
  const { success, data, error } = assistantsFile.safeParse(value)
  if (!success) {
    const [issue] = error.issues
    return fail(`at /${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'invalid'}`)
  }
  const assistants = data.assistants.map((entry) => toAssistant(entry, data.claims, known, fail))
  const twice = findTwice(assistants.map(({ name }) => name))
  if (twice !== undefined) fail(`there are two assistants of the name ${twice}`)
  if (assistants.filter(({ isDefault }) => isDefault).length > 1) fail('there are two default assistants')
  return assistants
}

/** Reads the assistants' part of the configuration. Throws ConfigError. */
export const readAssistants = (
  { file, fail }: Pick<EnvironmentReader, 'file' | 'fail'>,
  known: Known,
): { assistants: Assistant[]; promptClaims: string[] } => {
  const json = file('CHAT_ASSISTANTS')
  if (json === undefined) return { assistants: [], promptClaims: [] }
  const assistants = parseAssistants(json, known, (reason) =>
    fail('CHAT_ASSISTANTS', `the path of a valid file: ${reason}`),
  )
  const placeholders = assistants.flatMap(({ systemPrompt = '' }) => placeholdersOf(systemPrompt))
  const claims = placeholders.flatMap((name = '') => (name.startsWith(claimPrefix) ? [claimOf(name)] : []))
  return { assistants, promptClaims: [...new Set(claims)] }
}
