'use client'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { useEffect, useState } from 'react'
import { clientOf } from './chat-client'
import { ChatView, type OpenChat, openChat } from './chat-view'

export function ChatPage({ userId }: { userId: string }) {
  const id = usePathname().split('/')[2] // undefined at /chat, which is a new chat
  const [open, setOpen] = useState<OpenChat>()
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another address, or user, opens another chat
  useEffect(() => {
    if (open && open.transport.conversationId === id) return // the address has followed its chat
    let isLeft = false
    setOpen(undefined)
    openChat(clientOf(userId), id).then(
      (next) => isLeft || setOpen(next),
      (error) =>
        setOpen(() => {
          throw error // for your error.tsx
        }),
    )
    return () => {
      isLeft = true
    }
  }, [id, userId])
  return (
    <>
      <Link href="/chat">New chat</Link>
      {open && <ChatView {...open} />}
    </>
  )
}
