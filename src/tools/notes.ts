/** Causes, each with how many tools it concerns and the names of some. */
export type Notes = Map<string, { count: number; tools: string[] }>

const MAX_NAMES = 10
const MAX_NAME_LENGTH = 64

export const addNote = (notes: Notes, cause: string, tool?: string): void => {
  const about = notes.get(cause) ?? { count: 0, tools: [] }
  notes.set(cause, about)
  if (tool === undefined) return
  about.count += 1
  if (about.tools.length < MAX_NAMES) about.tools.push(tool.slice(0, MAX_NAME_LENGTH))
}
