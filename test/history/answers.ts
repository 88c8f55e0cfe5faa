/** The answer of a model's run: it tells which run of which message it is, and where it ends. */
export const answerOf = (nonce: string, message: string): string => `${nonce} on ${message}, in full.`
