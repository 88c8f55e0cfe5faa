import { requireUser } from '../../../auth'
import { ChatPage } from '../chat-page'

export default async function Page() {
  const { id } = await requireUser()
  return <ChatPage userId={id} />
}
