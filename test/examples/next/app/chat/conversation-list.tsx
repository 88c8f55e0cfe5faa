'use client'
import type { Client } from '@colloquy/client'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { useEffect, useState } from 'react'
import { clientOf } from './chat-client'

type Conversations = Awaited<ReturnType<Client['listConversations']>>['data']

export function ConversationList({ userId }: { userId: string }) {
  const pathname = usePathname()
  const [conversations, setConversations] = useState<Conversations>([])
  useEffect(() => {
    const client = clientOf(userId)
    const controller = new AbortController()
    const { signal } = controller
    const follow = async () => {
      // The first update comes when the stream is open; each one, of this tab or another, is a reason to read the list.
      for await (const _ of client.streamUpdates({ signal }))
        setConversations((await client.listConversations({}, { signal })).data)
    }
    follow().catch((error) => {
      if (signal.aborted) return
      setConversations(() => {
        throw error // for error.tsx
      })
    })
    return () => controller.abort()
  }, [userId])
  return (
    <ul>
      {conversations.map(({ id, title }) => (
        <li key={id}>
          <Link href={`/chat/${id}`} aria-current={pathname === `/chat/${id}` ? 'page' : undefined}>
            {title}
          </Link>
        </li>
      ))}
    </ul>
  )
}
