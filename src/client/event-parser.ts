export interface ParsedEvent {
  id: string
  data: string
}

/**
 * Parses server-sent events (the HTML standard, section 9.2.6) from pieces of their text. It knows `id` and `data`,
 * which are all that the contract uses; a library that knows more is a tenth of what a page may download.
 */
export const createEventParser = () => {
  let rest = ''
  let id = ''
  let data: string[] = []
  const end = (): ParsedEvent[] => {
    const events = data.length > 0 ? [{ id, data: data.join('\n') }] : []
    id = ''
    data = []
    return events
  }
  const take = (line: string): ParsedEvent[] => {
    if (line === '') return end()
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'data') data.push(value)
    if (field === 'id' && !value.includes('\0')) id = value
    return []
  }
  return (text: string): ParsedEvent[] => {
    // A CR at the end may be the first half of a line's end.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    return lines.flatMap(take)
  }
}
