import { bodies, entries, type Json, successes } from '../change.js'
import type { PlantedFault } from './planted.js'

const isUnknown = (name: unknown): boolean => String(name).startsWith('no-such-')

/** What is wrong with assistants. */
export const assistantFaults: PlantedFault[] = [
  {
    name: 'every assistant is the default',
    seenBy: ['assistants'],
    make: () => entries('listAssistants', (assistant) => ({ ...assistant, is_default: true })),
  },
  {
    name: 'an assistant is ignored',
    seenBy: ['assistants'],
    make: () => bodies('createTurn', ({ assistant: _, ...body }: Json) => body),
  },
  {
    name: 'an unknown assistant is ignored',
    seenBy: ['assistants', 'generated-invalid.createTurn.body-assistant.listed'],
    make: () =>
      bodies('createTurn', ({ assistant, ...body }: Json) => ({
        ...body,
        ...(assistant !== undefined && !isUnknown(assistant) && { assistant }),
      })),
  },
  {
    name: 'createConversation ignores an unknown assistant',
    seenBy: ['assistants'],
    make: () => bodies('createConversation', ({ assistant: _, ...body }: Json) => body),
  },
  {
    name: 'a conversation takes another assistant',
    seenBy: ['assistants'],
    make: () =>
      bodies('createTurn', ({ assistant, ...body }: Json) => ({
        ...body,
        ...(assistant !== undefined && (!body.conversation_id || isUnknown(assistant)) && { assistant }),
      })),
  },
  {
    name: 'a fork loses its assistant',
    seenBy: ['assistants'],
    make: () => successes('forkConversation', (fork) => ({ ...fork, assistant: null })),
  },
]
