import type { components } from '../../generated/closed/contract.js'
import type { ExportedConversation } from './export-pages.js'
import type { Message } from './message-columns.js'

const speakers: Record<string, string> = { user: 'User', assistant: 'Assistant', summary: 'Summary' }

const minuteOf = (time: string): string => `${time.slice(0, 16).replace('T', ' ')} UTC`

/** A fence that is longer than any run of backticks in the text (CommonMark, section 4.5). */
const fenced = (text: string): string => {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}json\n${text}\n${fence}\n`
}

const callOf = (call: components['schemas']['ToolCall']): string => {
  const { name, arguments: given, result, error } = call
  const outcome = error === undefined ? { result } : { error }
  return `Tool call (${call.status}):\n\n${fenced(JSON.stringify({ name, arguments: given, ...outcome }, undefined, 2))}\n`
}

/** One line, of whose characters none is Markdown. */
const plain = (title: string): string =>
  title
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_{}[\]<>#|~]/g, '\\$&')

export const headingOf = ({ title }: ExportedConversation): string => `# ${plain(title ?? 'Untitled')}\n`

/** A message as a section. Its text is Markdown already, or reads as it stands. */
export const sectionOf = ({
  role,
  status,
  content,
  parts,
  tool_calls,
  created_at,
  error,
}: Message): string => {
  const state = status === 'completed' ? '' : `, ${status}`
  const heading = `\n## ${speakers[role] ?? role}, ${minuteOf(created_at)}${state}\n\n`
  const texts = parts.map((part) => {
    if (part.type === 'text') return `${part.text?.trimEnd()}\n\n`
    const call = tool_calls.find(({ id }) => id === part.tool_call_id)
    return part.type === 'tool-call' && call ? callOf(call) : ''
  })
  const body = texts.length > 0 ? texts.join('') : content
  return `${heading}${body.trimEnd()}\n${error ? `\n> ${error.detail}\n` : ''}`
}
