import type { components } from '../../generated/closed/contract.js'

/** Why a turn did not complete, as in the contract. */
export type TurnError = components['schemas']['TurnError']
export type TurnErrorCode = TurnError['code']

/** The message of each code, defined only here. The database stores only the code. */
export const turnErrors = {
  'model-failed': 'The model failed to answer.',
  'model-unreachable': 'The model cannot be reached.',
  'model-unauthorized': 'The model does not accept this server. Its operator has to set a key that is valid.',
  'model-context-exceeded': 'The conversation is too long for the model.',
  'model-content-filtered': 'The answer was stopped by a content filter.',
  'model-empty-answer': 'The model gave an empty answer.',
  'model-tool-limit': 'The model called tools up to the limit of a turn, and gave no answer.',
  'model-broken-off': 'The answer broke off.',
  'model-overloaded': 'The model has too much to do right now.',
  'model-timeout': 'The model took too long to answer.',
  'turn-interrupted': 'The turn was interrupted before it was complete.',
  'turn-not-found': 'The turn was deleted.',
} as const satisfies Record<TurnErrorCode, string>

export const turnError = (code: TurnErrorCode): TurnError => ({ code, detail: turnErrors[code] })

/** The error of a tool call that is unfinished when its turn ends. */
export const cutOffCall = 'The call was cut off; it may have done its work or not.'
