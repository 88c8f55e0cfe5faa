import { isNestedTooDeep } from '../../json-depth.js'
import { addWarning, type ToolWarnings } from '../tool-warnings.js'
import { jsonBytes, truncateText } from './result.js'

/** What is kept of a tool that a server lists. */
export interface ListedTool {
  /** the name that the server knows it by */
  name: string
  description: string
  inputSchema: Record<string, unknown>
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
/** The only warning about tools that are still offered. */
export const descriptionsTruncated = `descriptions truncated to ${MAX_DESCRIPTION_BYTES} bytes`
const nameTooLong = `tools skipped because their names exceed ${MAX_NAME_BYTES} bytes`
const schemaTooDeep = 'tools skipped because their input schemas are nested too deep'
const schemaTooLong = `tools skipped because their input schemas exceed ${MAX_SCHEMA_BYTES} bytes`
export const nameTaken = 'tools skipped because their names are taken'

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

const sizeOf = (value: unknown): number => (isNestedTooDeep(value) ? MAX_SCHEMA_BYTES : jsonBytes(value))

/** Returns why a tool is skipped. Malformed tools pass, because the SDK reports them better. */
const skipReason = ({ name, inputSchema }: Json, names: ReadonlySet<unknown>): string | undefined => {
  if (names.has(name)) return nameTaken
  if (typeof name === 'string' && Buffer.byteLength(name) > MAX_NAME_BYTES) return nameTooLong
  if (isNestedTooDeep(inputSchema)) return schemaTooDeep
  if (isObject(inputSchema) && jsonBytes(inputSchema) > MAX_SCHEMA_BYTES) return schemaTooLong
  return undefined
}

/** Reduces a tool to the fields that turns use. */
const reduceTool = (
  { name, title, description, inputSchema, annotations }: Json,
  warnings: ToolWarnings,
): Json => {
  const text = description ?? title
  const isLong = typeof text === 'string' && jsonBytes(text) > MAX_DESCRIPTION_BYTES
  if (isLong) addWarning(warnings, descriptionsTruncated, String(name))
  const readOnlyHint = isObject(annotations) && annotations.readOnlyHint === true
  return {
    name,
    description: isLong ? truncateText(text, MAX_DESCRIPTION_BYTES) : (text ?? ''),
    inputSchema,
    annotations: { readOnlyHint },
  }
}

/** Reduces the pages of a list as they arrive, so that memory holds no more than turns use. */
export const createListReader = () => {
  const warnings: ToolWarnings = new Map()
  const names = new Set<unknown>()
  let bytes = 0
  let pages = 0

  const readTool = (tool: unknown): unknown[] => {
    if (!isObject(tool)) return [tool]
    const reason = skipReason(tool, names)
    names.add(tool.name)
    if (reason === undefined) return [reduceTool(tool, warnings)]
    addWarning(warnings, reason, String(tool.name))
    return []
  }

  return {
    warnings,
    /** Reduces a page in place, before the SDK reads it. Removes the cursor when the list has reached its limits. */
    readPage(page: Json): void {
      if (!Array.isArray(page.tools)) return
      const kept: unknown[] = []
      let isFull = false
      for (const tool of page.tools) {
        bytes += sizeOf(tool)
        isFull = bytes > MAX_LIST_BYTES || names.size === MAX_LISTED_TOOLS
        if (isFull) break
        kept.push(...readTool(tool))
      }
      pages += 1
      page.tools = kept
      const hasMore = page.nextCursor !== undefined && page.nextCursor !== null
      const isLast = hasMore && (pages === MAX_PAGES || sizeOf(page.nextCursor) > MAX_CURSOR_BYTES)
      if (!isFull && !isLast) return
      addWarning(warnings, listTruncated)
      delete page.nextCursor
    },
  }
}
