import type { components } from '../../generated/closed/contract.js'
import type { Place } from '../turns/types.js'

type TurnRequest = components['schemas']['TurnRequest']
type FieldError = components['schemas']['FieldError']

/** What the schema cannot say of a request: which fields go together. */
export const combinationErrors = (body: TurnRequest): FieldError[] => {
  const { conversation_id, message, parent_id, regenerate } = body
  const missing = (name: string, message: string): FieldError => ({
    path: `/body/${name}`,
    code: 'required',
    message,
  })
  const isOld = regenerate !== undefined || (parent_id !== undefined && parent_id !== null)
  return [
    ...(message === undefined && regenerate === undefined
      ? [missing('message', "must have required property 'message'")]
      : []),
    ...(isOld && conversation_id === undefined
      ? [missing('conversation_id', 'must name the conversation of the message')]
      : []),
    ...(['message', 'parent_id'] as const)
      .filter((name) => regenerate !== undefined && body[name] !== undefined)
      .map(
        (name): FieldError => ({
          path: `/body/${name}`,
          code: 'order',
          message: 'must not come with regenerate',
        }),
      ),
  ]
}

/** Where the turn is to begin; undefined: where the conversation's active branch ends. */
export const placeOf = ({ conversation_id, parent_id, regenerate }: TurnRequest): Place | undefined => {
  if (regenerate !== undefined) return { kind: 'again', messageId: regenerate }
  if (parent_id === undefined || conversation_id === undefined) return undefined
  return parent_id === null ? { kind: 'start' } : { kind: 'after', messageId: parent_id }
}

/** Why a message of the conversation is not one at which the turn can begin. */
export const unfitMessage = ({ regenerate }: TurnRequest): FieldError =>
  regenerate === undefined
    ? { path: '/body/parent_id', code: 'value', message: 'must be an answer' }
    : { path: '/body/regenerate', code: 'value', message: 'must be an answer, or the question' }

/** The names may be many; the contract bounds the text. */
export const mustBeOneOf = (field: 'model' | 'assistant', known: readonly string[]): FieldError => ({
  path: `/body/${field}`,
  code: 'value',
  message:
    known.length > 0 ? `must be one of ${known.join(', ')}`.slice(0, 500) : `there is no ${field} to choose`,
})

export const otherAssistant: FieldError = {
  path: '/body/assistant',
  code: 'value',
  message: "must be the conversation's own, which stays as it began",
}
