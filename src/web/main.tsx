import { render } from 'preact'
import { createClient } from '../client/index.js'
import { createChat } from './chat/chat.js'
import { keepDrafts, readDrafts } from './chat/drafts.js'
import { baseUrl, openSession } from './session/session.js'
import { createStore } from './store/store.js'
import { App } from './ui/app.js'
import { SignedOut } from './ui/signed-out.js'
import { applyTheme } from './ui/theme.js'
import { Unreachable } from './ui/unreachable.js'

const page = document.getElementById('page') as HTMLElement

const start = async (): Promise<void> => {
  const session = await openSession()
  const { userId, token, signInUrl } = session
  if (userId === undefined) return render(<SignedOut signInUrl={signInUrl} />, page)
  const store = createStore(readDrafts(userId))
  keepDrafts(store, userId)
  const chat = createChat(createClient({ url: baseUrl(), userId, token }), store)
  chat.start()
  render(<App session={session} store={store} chat={chat} />, page)
}

applyTheme()
start().catch(() => render(<Unreachable />, page))
