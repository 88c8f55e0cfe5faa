import type { Client } from '../../../client/index.js'
import { useChat } from '../../chat/chat.js'
import { useSelector } from '../../store/store.js'
import { UsageLine } from '../../usage/usage-line.js'
import { Dialog } from '../parts/dialog.js'
import { FailureNote } from '../parts/failure-note.js'
import { useLoaded } from './use-loaded.js'

const PAGE_SIZE = 100

/** What each turn of a conversation took, those of all its branches. */
const readCosts = async (client: Client, conversation_id: string, signal: AbortSignal) => {
  const usages = []
  const turns = client.listTurns({ conversation_id, limit: PAGE_SIZE }, { signal })
  for await (const { usage } of turns) usages.push(usage)
  const { currency } = await client.listUsage({ limit: 1 }, { signal })
  return { usages, currency }
}

/** What a conversation took. */
export const CostsDialog = ({ id, onClose }: { id: string; onClose: () => void }) => {
  const { client } = useChat()
  const title = useSelector((state) => state.conversations[id]?.title)
  const { value, failure } = useLoaded((signal) => readCosts(client, id, signal))
  return (
    <Dialog title="Usage and cost" onClose={onClose}>
      <p dir="auto">{title ?? 'New conversation'}</p>
      {failure && <FailureNote failure={failure} />}
      {value ? (
        <UsageLine usages={value.usages} currency={value.currency} />
      ) : (
        !failure && <p role="status">Loading …</p>
      )}
    </Dialog>
  )
}
