/** The contract's, in code points. */
export const MAX_MESSAGE = 10_000

export const lengthOf = (text: string): number => [...text].length

/** Whether the server would take it: something can be seen in it, and it is not too long. */
export const isSendable = (text: string): boolean =>
  /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(text) && lengthOf(text) <= MAX_MESSAGE
