/** What is wrong with an answer. */
export interface Fault {
  message: string
  /** where the contract promises something else */
  promise: string
}
