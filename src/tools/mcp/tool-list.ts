import { isNestedTooDeep } from '../../json-depth.js'
import { isJsonObject } from '../../json-object.js'
import { addWarning, type ToolWarnings } from '../tool-warnings.js'
import { readInputSchema } from './input-schema.js'
import { jsonBytes, truncateText } from './result.js'

/** What is kept of a tool that a server lists. */
export interface ListedTool {
  /** the name that the server knows it by */
  name: string
  description: string
  inputSchema: Record<string, unknown>
  /** whether arguments can be checked against the schema */
  isChecked: boolean
  readOnly: boolean
}

export interface ToolList {
  tools: ListedTool[]
  /** what was skipped or truncated, and why */
  warnings: ToolWarnings
}

/** The size of a list, which is enough for hundreds of ordinary tools. */
const MAX_LIST_BYTES = 2 ** 20
/** The size of all pages as received: the last page may be as long as the whole list. */
export const MAX_LIST_RESPONSE_BYTES = 2 * MAX_LIST_BYTES
const MAX_PAGES = 100
const MAX_LISTED_TOOLS = 1_000
const MAX_CURSOR_BYTES = 4_096
/** MCP allows names of 128 characters. */
const MAX_NAME_BYTES = 256
/** Longer descriptions are truncated; names and schemas are not, because a call needs them unchanged. */
const MAX_DESCRIPTION_BYTES = 4_096
const MAX_SCHEMA_BYTES = 65_536

const listTruncated = `tool list truncated: it exceeds ${MAX_LIST_BYTES} bytes, ${MAX_LISTED_TOOLS} tools or ${MAX_PAGES} pages`
const descriptionsTruncated = `descriptions truncated to ${MAX_DESCRIPTION_BYTES} bytes`
const fieldsMended = 'tools with missing or wrong fields, which were mended or ignored'
export const argumentsUnchecked =
  'tools offered without a check of their arguments, which their schemas do not allow'
const notTools = 'tools skipped because they are not objects with a name'
const nameTooLong = `tools skipped because their names exceed ${MAX_NAME_BYTES} bytes`
const schemaTooDeep = 'tools skipped because their input schemas are nested too deep'
const schemaTooLong = `tools skipped because their input schemas exceed ${MAX_SCHEMA_BYTES} bytes`
export const schemaInvalid = 'tools skipped because their input schemas are invalid'
export const nameTaken = 'tools skipped because their names are taken'
const headersInvalid = 'tools skipped because their x-mcp-header declarations are invalid'

/** The warnings about tools that are offered all the same. */
export const offeredAnyway: ReadonlySet<string> = new Set([
  descriptionsTruncated,
  fieldsMended,
  argumentsUnchecked,
])

type Json = Record<string, unknown>

const sizeOf = (value: unknown): number =>
  isNestedTooDeep(value) ? MAX_SCHEMA_BYTES : jsonBytes(value ?? null)

/** How a warning names a field of a tool. */
export const fieldOf = (tool: string, field: string): string => `${tool} (${field})`

/** Returns why a tool is skipped, judged by what needs no look into its schema. */
const skipReason = (
  name: string,
  inputSchema: unknown,
  names: { has(name: string): boolean },
): string | undefined => {
  if (names.has(name)) return nameTaken
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return nameTooLong
  if (isNestedTooDeep(inputSchema)) return schemaTooDeep
  if ((inputSchema ?? null) !== null && jsonBytes(inputSchema) > MAX_SCHEMA_BYTES) return schemaTooLong
  return undefined
}

/** The fields that a turn does without, and whether a value is what MCP says. */
const OPTIONAL_FIELDS: Record<string, (value: unknown) => boolean> = {
  title: (value) => typeof value === 'string',
  description: (value) => typeof value === 'string',
  annotations: isJsonObject,
  outputSchema: (value) => isJsonObject(value) && (value.type ?? 'object') === 'object',
}

/** JSON in a text, if it is an object; otherwise something that is no schema. */
const parseSchema = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : 0
  } catch {
    return 0
  }
}

/** A tool's input schema, also under the names of model providers, and as a text. */
const schemaOf = (tool: Json): unknown => {
  const schema = tool.inputSchema ?? tool.input_schema ?? tool.parameters
  return typeof schema === 'string' ? parseSchema(schema) : schema
}

/** Reduces a tool to the fields that turns use. */
const reduceTool = (
  tool: Json,
  name: string,
  inputSchema: unknown,
  warnings: ToolWarnings,
): ListedTool | undefined => {
  const read = readInputSchema(inputSchema)
  if ('fault' in read) {
    addWarning(warnings, schemaInvalid, fieldOf(name, read.fault))
    return undefined
  }
  const wrong = Object.entries(OPTIONAL_FIELDS)
    .filter(([field, isRight]) => (tool[field] ?? null) !== null && !isRight(tool[field]))
    .map(([field]) => field)
  const isElsewhere = inputSchema !== tool.inputSchema && (inputSchema ?? null) !== null
  const mended = [...new Set([...(isElsewhere ? ['inputSchema'] : []), ...read.mended, ...wrong])]
  if (mended.length > 0) addWarning(warnings, fieldsMended, fieldOf(name, mended.join(', ')))
  if (read.unchecked) addWarning(warnings, argumentsUnchecked, fieldOf(name, read.unchecked))
  const text = [tool.description, tool.title].find((text) => typeof text === 'string') ?? ''
  const isLong = jsonBytes(text) > MAX_DESCRIPTION_BYTES
  if (isLong) addWarning(warnings, descriptionsTruncated, name)
  return {
    name,
    description: isLong ? truncateText(text, MAX_DESCRIPTION_BYTES) : text,
    inputSchema: read.schema,
    isChecked: read.unchecked === undefined,
    readOnly: isJsonObject(tool.annotations) && tool.annotations.readOnlyHint === true,
  }
}

/** Replaces an object's members. */
const overwrite = (target: Json, members: Json): void => {
  for (const name of Object.keys(target)) delete target[name]
  Object.assign(target, members)
}

/** Reduces the pages of a list as they arrive, so that memory holds no more than turns use. */
export const createListReader = () => {
  const warnings: ToolWarnings = new Map()
  const listed = new Map<string, ListedTool | undefined>()
  let bytes = 0
  let seen = 0
  let pages = 0
  const cursors = new Set<string>()

  const readTool = (tool: unknown): ListedTool[] => {
    if (!isJsonObject(tool) || typeof tool.name !== 'string' || tool.name === '') {
      addWarning(warnings, notTools, `number ${seen}`)
      return []
    }
    const { name } = tool
    const inputSchema = schemaOf(tool)
    const reason = skipReason(name, inputSchema, listed)
    if (reason !== undefined) {
      addWarning(warnings, reason, name)
      return []
    }
    const reduced = reduceTool(tool, name, inputSchema, warnings)
    listed.set(name, reduced)
    return reduced ? [reduced] : []
  }

  return {
    warnings,
    /**
     * Replaces a page, before the SDK reads it, by one that the SDK accepts: the SDK refuses a whole list for one tool that it does not
     * like. Removes the cursor when the list has reached its limits.
     */
    readPage(page: Json): void {
      const tools = page.tools ?? []
      if (!Array.isArray(tools)) return
      const kept: ListedTool[] = []
      let isFull = false
      for (const tool of tools) {
        bytes += sizeOf(tool)
        isFull = bytes > MAX_LIST_BYTES || seen === MAX_LISTED_TOOLS
        if (isFull) break
        seen += 1
        kept.push(...readTool(tool))
      }
      pages += 1
      const { resultType } = page
      const nextCursor = String(page.nextCursor ?? '')
      // One that comes again would lead to the same pages for ever.
      const hasMore = nextCursor !== '' && !cursors.has(nextCursor)
      cursors.add(nextCursor)
      const isLast = hasMore && (pages === MAX_PAGES || sizeOf(nextCursor) > MAX_CURSOR_BYTES)
      if (isFull || isLast) addWarning(warnings, listTruncated)
      overwrite(page, {
        tools: kept.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })),
        ...(hasMore && !isFull && !isLast && { nextCursor }),
        // MCP 2026 requires these; the list is not cached here.
        resultType: typeof resultType === 'string' ? resultType : 'complete',
        ttlMs: 0,
        cacheScope: 'private',
      })
    },
    /** The tools that the SDK has taken: it leaves out those that MCP 2026 forbids. */
    taken(names: readonly string[]): ListedTool[] {
      const isTaken = new Set(names)
      const tools = [...listed.values()].filter((tool) => tool !== undefined)
      for (const { name } of tools) if (!isTaken.has(name)) addWarning(warnings, headersInvalid, name)
      return tools.filter(({ name }) => isTaken.has(name))
    },
  }
}
