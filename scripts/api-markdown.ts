import { constraintsOf, oneLine, type Schema, typeOf } from './schema-text.js'

interface Reference {
  $ref: string
}
type Or<T> = T | Reference

interface Parameter {
  name: string
  in: string
  description?: string
  required?: boolean
  schema: Schema
}

interface Media {
  schema?: Schema
  examples?: Record<string, Or<{ summary: string; value: unknown }>>
}

interface Response {
  description: string
  headers?: Record<string, unknown>
  content?: Record<string, Media>
}

interface Operation {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  security?: unknown[]
  parameters?: Or<Parameter>[]
  requestBody?: Or<{ description?: string; content: Record<string, Media> }>
  responses: Record<string, Or<Response>>
}

export interface DocumentedContract {
  info: { title: string; version: string; summary: string; description: string }
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, unknown>>
  components: {
    schemas: Record<string, Schema>
    responses: Record<string, Response>
    headers: Record<string, { description?: string }>
  }
}

const methods = ['get', 'put', 'post', 'patch', 'delete']

const nameOf = ({ $ref }: Reference): string => $ref.split('/').at(-1) ?? ''

const anchor = (name: string): string => `[${name}](#${name.toLowerCase()})`

const table = (columns: string[], rows: string[][]): string =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const fence = (value: unknown): string => {
  const [language, text] =
    typeof value === 'string' ? ['', value.trimEnd()] : ['json', JSON.stringify(value, undefined, 2)]
  return `\`\`\`${language}\n${text}\n\`\`\``
}

/** Joins what there is with empty lines. */
const blocks = (...parts: (string | undefined)[]): string => parts.filter(Boolean).join('\n\n')

const schemaText = (name: string, schema: Schema): string => {
  const { description, properties, required = [] } = schema
  const rows = Object.entries(properties ?? {}).map(([field, value]) => [
    `\`${field}\`${required.includes(field) ? '' : ' (optional)'}`,
    typeOf(value),
    oneLine([value.description, constraintsOf(value)].filter(Boolean).join(' ')),
  ])
  const limits = constraintsOf(schema)
  return blocks(
    `### ${name}`,
    description?.trim(),
    rows.length > 0
      ? table(['field', 'type', 'meaning'], rows)
      : `Type: ${typeOf(schema)}${limits ? `. ${limits}` : ''}`,
  )
}

/** The contract as Markdown, for those who read it with a language model: each operation, then what they refer to, once. */
export const apiMarkdown = (contract: DocumentedContract): string => {
  const { info, tags, paths, components } = contract
  const resolve = <T extends object>(value: Or<T>): T => {
    if (!('$ref' in value)) return value
    const keys = value.$ref.split('/').slice(1)
    return resolve(
      keys.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], contract) as Or<T>,
    )
  }
  const contentText = (content: Record<string, Media> = {}): string =>
    Object.entries(content)
      .map(([type, { schema }]) => `\`${type}\`${schema ? `: ${typeOf(schema)}` : ''}`)
      .join(', or ')
  const exampleOf = (content: Record<string, Media> = {}): string | undefined => {
    const [example] = Object.values(content).flatMap(({ examples = {} }) => Object.values(examples))
    return example && fence(resolve(example).value)
  }

  const operationText = (path: string, method: string, operation: Operation): string => {
    const shared = (paths[path]?.parameters ?? []) as Or<Parameter>[]
    const parameters = [...shared, ...(operation.parameters ?? [])].map((one) => resolve(one))
    const body = operation.requestBody && resolve(operation.requestBody)
    const responses = Object.entries(operation.responses)
    const successes = responses.filter(([status]) => status.startsWith('2'))
    const refusals = responses.filter(([status]) => !status.startsWith('2'))
    return blocks(
      `### ${operation.operationId}`,
      `${operation.summary}: \`${method.toUpperCase()} ${path}\`${operation.security?.length === 0 ? ', without a token' : ''}`,
      operation.description?.trim(),
      parameters.length === 0
        ? undefined
        : table(
            ['parameter', 'in', 'type', 'meaning'],
            parameters.map(({ name, in: place, required, schema, description = '' }) => [
              `\`${name}\`${required ? '' : ' (optional)'}`,
              place,
              typeOf(schema),
              oneLine([description, constraintsOf(schema)].filter(Boolean).join(' ')),
            ]),
          ),
      body && `Body: ${contentText(body.content)}. ${body.description ?? ''}`.trim(),
      exampleOf(body?.content),
      ...successes.map(([status, found]) => {
        const { description, content, headers = {} } = resolve(found)
        const names = Object.keys(headers).map((name) => `\`${name}\``)
        return blocks(
          `**${status}** ${[contentText(content), description.trim()].filter(Boolean).join('. ')}${names.length > 0 ? ` Headers: ${names.join(', ')}.` : ''}`,
          exampleOf(content),
        )
      }),
      `Refusals: ${refusals.map(([status, found]) => ('$ref' in found ? `${status} ${anchor(nameOf(found))}` : `${status} ${oneLine(found.description)}`)).join(', ')}.`,
    )
  }

  const operations = Object.entries(paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method] as Operation | undefined
      return operation ? [{ path, method, operation }] : []
    }),
  )
  const tagText = ({ name, description }: { name: string; description: string }): string =>
    blocks(
      `## ${name}`,
      description,
      ...operations
        .filter(({ operation }) => operation.tags[0] === name)
        .map(({ path, method, operation }) => operationText(path, method, operation)),
    )
  return `${blocks(
    `# ${info.title} ${info.version}`,
    `> ${info.summary}`,
    info.description.trim(),
    ...tags.map(tagText),
    '## Refusals',
    `The body of each is a ${anchor('Problem')} (\`application/problem+json\`).`,
    ...Object.entries(components.responses)
      .filter(([, { content = {} }]) => 'application/problem+json' in content)
      .map(([name, { description }]) => blocks(`### ${name}`, description.trim())),
    '## Headers',
    table(
      ['header', 'meaning'],
      Object.entries(components.headers).map(([name, { description = '' }]) => [name, oneLine(description)]),
    ),
    '## Schemas',
    ...Object.entries(components.schemas).map(([name, schema]) => schemaText(name, schema)),
  )}\n`
}
