/** A message with what came before it, summed up: in one text, because some servers take nothing else. */
export const introduceSummary = (summary: string, message: string): string =>
  `<summary_of_the_conversation_so_far>\n${summary}\n</summary_of_the_conversation_so_far>\n\n${message}`
