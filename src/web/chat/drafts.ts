import type { State } from '../store/state.js'
import type { Store } from '../store/store.js'
import { stored } from '../stored.js'

const nameFor = (userId: string): string => `colloquy-drafts ${userId}`

/** What a user has written in this tab and not sent, before a reload or a sign-in. */
export const readDrafts = (userId: string): State['drafts'] =>
  JSON.parse(stored('sessionStorage', nameFor(userId)) ?? '{}')

/** Keeps what is written and not sent, for its user alone. */
export const keepDrafts = (store: Store, userId: string): void => {
  let kept = store.state.drafts
  store.subscribe(() => {
    const { drafts } = store.state
    if (drafts === kept) return
    kept = drafts
    stored('sessionStorage', nameFor(userId), JSON.stringify(drafts))
  })
}
