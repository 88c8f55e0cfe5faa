import type { UIMessage } from 'ai'
import type { Test } from 'tap'
import { toUIMessages } from '../../src/client/index.js'
import type { TestApp } from './app.js'
import { Chat, renderHook, useChat } from './dom.js'
import { type TransportOptions, transportOf } from './transport.js'

export const textsOf = (messages: readonly UIMessage[]): string[] =>
  messages.map(({ parts }) => parts.map((part) => (part.type === 'text' ? part.text : '')).join(''))

export interface PageOptions extends TransportOptions {
  strict?: boolean
  /** happens when the messages are loaded and the page is about to resume */
  onLoaded?: (messages: readonly UIMessage[]) => unknown
}

/** useChat as a page has it, and as the guide shows it: with the stored messages, and resuming when the conversation is known. */
export const openPage = async (
  t: Test,
  { url }: Pick<TestApp, 'url'>,
  { strict = false, onLoaded = () => {}, ...options }: PageOptions = {},
) => {
  const transport = transportOf(url, options)
  const messages = await transport.loadMessages()
  await onLoaded(messages)
  const resume = options.conversationId !== undefined
  const chat = new Chat({ transport, messages })
  const page = await renderHook(() => useChat({ chat, resume }), { strict })
  t.teardown(page.unmount)
  return Object.assign(page, {
    /** Waits until React has rendered what the chat has. */
    rendered: () =>
      soon(() =>
        (['messages', 'status', 'error'] as const).every((name) => page.current[name] === chat[name]),
      ),
  })
}

export type Page = Awaited<ReturnType<typeof openPage>>

/** What alice has: her newest conversation, and its messages. */
export const stored = async ({ call }: Pick<TestApp, 'call'>) => {
  const { body: list } = await call('GET', '/api/alice/conversations')
  const { id } = list.data[0]
  const { body } = await call('GET', `/api/alice/conversations/${id}/messages`)
  return { id: id as string, count: list.data.length as number, messages: body.data }
}

/** Waits for ten seconds at most; the assertions that follow say what has come of it. */
export const soon = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 10_000; Date.now() < end && !(await condition()); ) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The page's error, once React has rendered it. */
export const errorOf = async (page: Page): Promise<Error | undefined> => {
  await soon(() => page.current.error !== undefined)
  return page.current.error
}

/** What people see of messages: no steps, tools before the text, as they are stored. */
export const seenOf = (messages: readonly UIMessage[]) =>
  messages.map(({ id, role, parts, metadata }) => {
    const { turn_id, status } = (metadata ?? {}) as { turn_id?: string; status?: string }
    const tools = parts.flatMap((part) =>
      part.type === 'dynamic-tool' ? [{ id: part.toolCallId, state: part.state, input: part.input }] : [],
    )
    return { id, role, turn_id, status, tools, text: textsOf([{ id, role, parts }])[0] }
  })

/** What a page should show of what is stored now. */
export const seenOfStored = async (app: Pick<TestApp, 'call'>) =>
  seenOf(toUIMessages((await stored(app)).messages))
