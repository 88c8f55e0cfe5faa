/** Quoted text, comments, and what ends a statement, in SQL. */
const tokens = /'(?:[^']|'')*'|"[^"]*"|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|;/g

/**
 * The statements of a migration, each alone: Citus hands the text of the message to the shards for each command on a distributed
 * table.
 */
export const splitStatements = (text: string): string[] => {
  const statements: string[] = []
  let start = 0
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (token !== ';') continue
    statements.push(text.slice(start, index))
    start = index + 1
  }
  return [...statements, text.slice(start)].filter((part) => part.replaceAll(/--[^\n]*/g, '').trim() !== '')
}
