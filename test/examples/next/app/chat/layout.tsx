import type { ReactNode } from 'react'
import { requireUser } from '../../auth'
import { ConversationList } from './conversation-list'
import { SignOut } from './sign-out'

/** What stays while one goes from chat to chat. */
export default async function Layout({ children }: { children: ReactNode }) {
  const { id, name } = await requireUser()
  return (
    <div className="chat">
      <nav>
        <ConversationList userId={id} />
        <p>{name}</p>
        <SignOut />
      </nav>
      <main>{children}</main>
    </div>
  )
}
