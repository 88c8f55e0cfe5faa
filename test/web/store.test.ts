import t, { type Test } from 'tap'
import type { Action } from '../../src/web/store/actions.js'
import { reduce } from '../../src/web/store/reduce.js'
import {
  type Conversation,
  initialState,
  type Message,
  newChatId,
  type State,
} from '../../src/web/store/state.js'

const after = (state: State, ...actions: Action[]): State => actions.reduce(reduce, state)

const failure = { code: 'internal-error', message: 'no luck' }
const sent = (id: string, key: string, message: string): Action => ({
  type: 'turn-sent',
  id,
  key,
  request: { conversation_id: id, message },
  after: undefined,
})
const failed = (key: string): Action => ({ type: 'turn-failed', key, failure })
const conversation = (id: string, more: Partial<Conversation> = {}) =>
  ({ id, title: id, archived: false, pinned: false, last_turn_at: '2026-01-01', ...more }) as Conversation
const message = (id: string, conversation_id: string) =>
  ({ id, conversation_id, role: 'user', parent_id: null }) as Message
const page = <T>(data: T[], next_cursor: string | null = null) => ({ data, next_cursor })
const listed = (...conversations: Conversation[]): Action => ({
  type: 'list-received',
  list: 'active',
  page: page(conversations),
  pinned: [],
})

t.test('a message that could not be sent is not lost', async (t) => {
  const unsent = after(initialState(), sent('c', 'k1', 'First'), failed('k1'))
  const draftAfter = (...actions: Action[]) => after(unsent, ...actions).drafts.c
  t.equal(draftAfter({ type: 'turn-withdrawn', key: 'k1' }), 'First', 'it is taken back into the field')
  const drafted: Action = { type: 'drafted', id: 'c', text: 'Second' }
  t.equal(
    draftAfter(drafted, { type: 'turn-withdrawn', key: 'k1' }),
    'First\n\nSecond',
    'before what was typed since',
  )
  t.equal(draftAfter(sent('c', 'k2', 'Second')), 'First', 'when another is sent')
  t.equal(
    draftAfter({ type: 'turn-found', id: 'c', turnId: 't' }),
    'First',
    'when another device’s turn is shown in its place',
  )
  t.equal(draftAfter(sent('c', 'k1', 'First')), undefined, 'but not when it is sent again itself')
  const named: Action = { type: 'turn-named', key: 'k1', id: 'c', turnId: 't', questionId: 'q' }
  t.equal(
    after(initialState(), sent('c', 'k1', 'First'), named, failed('k1'), sent('c', 'k2', 'Second')).drafts.c,
    undefined,
    'nor when the server has it',
  )
})

t.test('what is typed while a new chat gets its id stays in the field', async (t) => {
  const state = initialState()
  const { open } = state
  const { drafts, open: now } = after(
    state,
    sent(open, 'k', 'First'),
    { type: 'drafted', id: open, text: 'And th' },
    { type: 'turn-named', key: 'k', id: 'c', turnId: 't', questionId: 'q' },
  )
  t.same([now, drafts], ['c', { c: 'And th' }], 'with the conversation')
})

t.test('a new chat goes on with what was typed into the last one', async (t) => {
  const state = initialState()
  const { open } = state
  const typed = after(state, { type: 'drafted', id: open, text: 'Well' }, { type: 'opened', id: 'c' })
  t.equal(newChatId(typed), open, 'after a look at another conversation')
  t.equal(initialState(typed.drafts).open, open, 'and after a reload')
  const other = newChatId(after(typed, sent(open, 'k', 'Well')))
  t.not(other, open, 'but not while its message is on its way')
})

t.test('what was deleted on another device while this one was away is gone', async (t) => {
  const old = after(
    initialState(),
    listed(conversation('a'), conversation('b'), conversation('c'), conversation('d')),
    { type: 'conversation-received', conversation: conversation('archived', { archived: true }) },
    { type: 'opened', id: 'a' },
    { type: 'opened', id: 'b' },
    sent('c', 'k', 'Under way'),
  )
  const state = after(old, listed(conversation('e')))
  t.same(
    Object.keys(state.conversations).sort(),
    ['archived', 'b', 'c', 'e'],
    'from the list, but for what is open or under way here, and for the other list',
  )
  t.equal(state.threads.a, undefined, 'and what was read of its messages is read again')
  t.ok(state.threads.b && state.threads.c, 'but for what is shown')
  const more = after(old, { type: 'list-received', list: 'active', page: page([conversation('e')]) })
  t.ok(more.conversations.a, 'a later page says nothing of those before it')

  const shown = after(state, {
    type: 'thread-received',
    id: 'b',
    page: page([message('m', 'b')]),
    isOlder: false,
  })
  const fail = (code: string) =>
    after(shown, { type: 'thread-failed', id: 'b', failure: { code, message: '' } })
  const gone = fail('conversation-not-found')
  t.same(gone.threads.b?.messages, [], 'messages of a conversation that is gone are not shown')
  t.notOk(gone.conversations.b, 'nor is its name')
  t.equal(fail('internal-error').threads.b?.messages.length, 1, 'those that could not be read again are')
})

t.test('an answer that could not be stopped may be stopped again', async (t: Test) => {
  const state = after(
    initialState(),
    sent('c', 'k', 'Go'),
    { type: 'turn-named', key: 'k', id: 'c', turnId: 't', questionId: 'q' },
    { type: 'turn-stopping', key: 'k' },
    { type: 'turn-not-stopped', key: 'k' },
  )
  t.match(state.threads.c?.live, { phase: 'answering', failure: undefined }, 'it goes on')
})
