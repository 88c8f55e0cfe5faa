import { isNestedTooDeep } from '../../json-depth.js'
import { addNote, type Notes } from '../notes.js'
import { cutText, jsonBytes } from './result.js'

/** What is kept of a tool that a server lists. */
export interface ListedTool {
  /** its own, at its server */
  name: string
  description: string
  inputSchema: Record<string, unknown>
  readOnly: boolean
}

export interface Listing {
  tools: ListedTool[]
  /** what of the list is not kept as it came, and why */
  notes: Notes
}

/** How much of a list is kept: more than what hundreds of ordinary tools have. */
const LIST_BYTES = 2 ** 20
/** How much of it is read: the last page may be as long as all of them. */
export const READ_LIST_BYTES = 2 * LIST_BYTES
const LIST_PAGES = 100
const LIST_TOOLS = 1_000
const CURSOR_BYTES = 4_096
/** MCP has names of at most 128 characters. */
const NAME_BYTES = 256
/**
 * How long a description may be, as JSON. A longer one is cut and its tool stays, since its name and its schema say how it is
 * called; those two are left whole, for a call needs them as they are.
 */
const DESCRIPTION_BYTES = 4_096
const SCHEMA_BYTES = 65_536

const tooLong = `the list has more than ${LIST_BYTES} bytes, ${LIST_TOOLS} tools or ${LIST_PAGES} pages, and its rest is left out`
/** What is done to a tool that is offered all the same. */
export const cutDescriptions = `descriptions are cut to ${DESCRIPTION_BYTES} bytes`
const nameTooLong = `tools are left out, since their names have more than ${NAME_BYTES} bytes`
const nestedTooDeep = 'tools are left out, since the schemas of their arguments are nested too deep'
const schemaTooLong = `tools are left out, since the schemas of their arguments have more than ${SCHEMA_BYTES} bytes`
export const nameTaken = 'tools are left out, since their names are taken'

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null

const sizeOf = (value: unknown): number => (isNestedTooDeep(value) ? SCHEMA_BYTES : jsonBytes(value))

/** Why a tool cannot be offered to anybody; undefined when it can, or when the SDK says what is wrong with it. */
const faultOf = ({ name, inputSchema }: Json, names: ReadonlySet<unknown>): string | undefined => {
  if (names.has(name)) return nameTaken
  if (typeof name === 'string' && Buffer.byteLength(name) > NAME_BYTES) return nameTooLong
  if (isNestedTooDeep(inputSchema)) return nestedTooDeep
  if (isObject(inputSchema) && jsonBytes(inputSchema) > SCHEMA_BYTES) return schemaTooLong
  return undefined
}

/** The parts of a tool that turns use. */
const partsOf = ({ name, title, description, inputSchema, annotations }: Json, notes: Notes): Json => {
  const text = description ?? title
  const isLong = typeof text === 'string' && jsonBytes(text) > DESCRIPTION_BYTES
  if (isLong) addNote(notes, cutDescriptions, String(name))
  const readOnlyHint = isObject(annotations) && annotations.readOnlyHint === true
  return {
    name,
    description: isLong ? cutText(text, DESCRIPTION_BYTES) : (text ?? ''),
    inputSchema,
    annotations: { readOnlyHint },
  }
}

/** Collects the pages of a list as they come, so that no more of them is kept than turns use. */
export const collectPages = () => {
  const notes: Notes = new Map()
  const names = new Set<unknown>()
  let bytes = 0
  let pages = 0

  const takeTool = (tool: unknown): unknown[] => {
    if (!isObject(tool)) return [tool]
    const fault = faultOf(tool, names)
    names.add(tool.name)
    if (fault === undefined) return [partsOf(tool, notes)]
    addNote(notes, fault, String(tool.name))
    return []
  }

  return {
    notes,
    /** Changes a page, before the SDK reads it, to what is kept of it; the last one that fits has no next one. */
    take(page: Json): void {
      if (!Array.isArray(page.tools)) return
      const kept: unknown[] = []
      let isFull = false
      for (const tool of page.tools) {
        bytes += sizeOf(tool)
        isFull = bytes > LIST_BYTES || names.size === LIST_TOOLS
        if (isFull) break
        kept.push(...takeTool(tool))
      }
      pages += 1
      page.tools = kept
      const hasMore = page.nextCursor !== undefined && page.nextCursor !== null
      const isLast = hasMore && (pages === LIST_PAGES || sizeOf(page.nextCursor) > CURSOR_BYTES)
      if (!isFull && !isLast) return
      addNote(notes, tooLong)
      delete page.nextCursor
    },
  }
}
