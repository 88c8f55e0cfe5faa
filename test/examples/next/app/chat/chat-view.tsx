'use client'
import { Chat, useChat } from '@ai-sdk/react'
import { type Client, createChatTransport } from '@colloquy/client'
import { type FormEvent, useEffect, useState } from 'react'

export const openChat = async (client: Client, conversationId?: string) => {
  const transport = createChatTransport({ client, conversationId })
  return { transport, chat: new Chat({ transport, messages: await transport.loadMessages() }) }
}
export type OpenChat = Awaited<ReturnType<typeof openChat>>

export function ChatView({ transport, chat }: OpenChat) {
  const { messages, sendMessage, stop, error } = useChat({ chat, resume: true })
  const [text, setText] = useState('')
  const { conversationId } = transport // known as soon as the first message has begun it
  useEffect(() => {
    if (conversationId) history.replaceState(null, '', `/chat/${conversationId}`)
  }, [conversationId])
  const send = (event: FormEvent) => {
    event.preventDefault()
    setText('')
    sendMessage({ text })
  }
  return (
    <form onSubmit={send}>
      {messages.map(({ id, role, parts }) => (
        <p key={id} className={role}>
          {parts.map((part) => part.type === 'text' && part.text)}
        </p>
      ))}
      {error && <p role="alert">{error.message}</p>}
      <input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} required />
      <button type="submit">Send</button>
      <button type="button" onClick={stop}>
        Stop
      </button>
    </form>
  )
}
