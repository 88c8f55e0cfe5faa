import t from 'tap'
import { answerOf } from './answers.js'
import { type Rule, rules } from './check/rules.js'
import { check } from './check.js'
import type { MessageRow } from './dump.js'
import {
  answer,
  answered,
  conversation,
  exchange,
  first,
  message,
  problem,
  ran,
  read,
  run,
  running,
  send,
  sent,
  the,
  turn,
  type World,
  withoutAnswer,
  withoutThird,
  world,
} from './world.js'

const judge = ({ records, dump, settled }: World) =>
  check(records, dump, {
    ...{ settled, historyMessages: 20, turnTimeoutMs: 5_000, runningTurns: 2, budgets: { ada: 100 } },
  })
const found = (of: World): Rule[] => [...new Set(judge(of).map(({ rule }) => rule))].sort()

/** Somebody lets the conversation be gone from this moment on. */
const leaving = (how: 'delete' | 'expire', from: number): World['records'] => [
  { type: 'leave', at: 50, how, user: 'ada', conversation: 'C' },
  { type: 'gone', at: 55, how, conversation: 'C', from },
]

t.test('a history that keeps all rules', async (t) => {
  t.same(judge(world()), [], 'it has no violation once it has settled')
  t.same(judge({ ...world(), settled: false }), [], 'it has none before that')
})

t.test('what may be: no violation', async (t) => {
  const fine: { [why: string]: (it: World) => void } = {
    'a conversation that is seen until it is deleted, and that then is no more': (it) => {
      it.records.push(...leaving('delete', 96))
      it.dump.conversations = []
    },
    'a deletion that nobody has acknowledged': (it) => {
      it.records.push(...leaving('delete', 60).slice(0, 1))
    },
    'an expiry that was put off': (it) => {
      it.records.push(...leaving('expire', 60), ...leaving('expire', 100))
    },
    'a limit and a budget that are reached': (it) => {
      it.dump.users = [{ user_id: 'ada', running: 2, reserved: 50, spent: 50 }]
    },
    'a turn that runs, in the middle of a run': running,
    'a read of an answer that a new attempt took away': (it) => {
      running(it)
      read(it).messages = [{ id: 'a3', position: 6 }]
    },
    'an attempt that begins after one that has failed': (it) => {
      it.records.push({ type: 'run-end', at: 5, nonce: 'x2', whole: false })
      run(it, 'x3').at = 10
    },
    'an attempt that begins while another runs on a server that stands still': (it) => {
      it.records.push({ type: 'run-end', at: 20, nonce: 'x2', whole: false })
      it.records.push({ type: 'halt', at: 25, server: 'x' })
      run(it, 'x3').at = 10
    },
    'an attempt that begins when the last one’s answer was given up, at its deadline': (it) => {
      it.records.push({ type: 'run-end', at: 5, nonce: 'x2', whole: true })
      run(it, 'x3').at = 9_000_000
    },
    'an acknowledgement that never came': (it) => {
      withoutAnswer(it, 'r5')
    },
    'a failure that the next attempt of a later request replaced': (it) => {
      const text = answerOf('x3', 'm2')
      turn(it, 't2').status = 'completed'
      Object.assign(message(it, 'a2'), { status: 'completed', content: text })
      run(it, 'x4').history = [first, { user: 'm2', assistant: text }]
      withoutAnswer(it, 'r4')
    },
    'an acknowledgement at the moment of another send: no order between them': (it) => {
      sent(it, 'r5').at = 10
      sent(it, 'r5').key = 'k3'
    },
    'a summary after the last answer': (it) => {
      the(it).last_position = 7
      it.dump.messages.push({
        ...message(it, 'a3'),
        ...{ id: 's1', turn_id: null, parent_id: null, position: 7, role: 'summary', content: 'so far' },
      })
    },
    'a stranger, in the middle of a run': (it) => {
      it.settled = false
      it.records = it.records.filter((record) => !(record.type === 'send' && record.request === 'r5'))
      withoutAnswer(it, 'r5')
    },
    'a refusal of what was stored by another request': (it) => {
      it.records.push(send(81, 'r9', 2), problem(82, 'r9', 409, 'turn-in-progress', 't1'))
    },
  }
  for (const [why, change] of Object.entries(fine)) {
    const it = world()
    change(it)
    t.same(judge(it), [], why)
  }
})

const broken: [rule: Rule, why: string, change: (it: World) => void][] = [
  [
    'gap',
    'a position is left out',
    (it) => {
      message(it, 'a3').position = 7
      read(it).messages = []
    },
  ],
  [
    'gap',
    'a position was given out to nobody',
    (it) => {
      the(it).last_position = 7
    },
  ],
  [
    'interleaved',
    'an answer stands after another turn’s question',
    (it) => {
      const [, , u2, a2, u3, a3] = it.dump.messages as [
        MessageRow,
        MessageRow,
        MessageRow,
        MessageRow,
        MessageRow,
        MessageRow,
      ]
      Object.assign(u3, { position: 4, parent_id: u2.id })
      Object.assign(a2, { position: 5, parent_id: u3.id })
      it.dump.messages.splice(3, 2, u3, a2)
      a3.parent_id = a2.id
    },
  ],
  [
    'interleaved',
    'a parent is not the message before',
    (it) => {
      message(it, 'u3').parent_id = 'u2'
    },
  ],
  [
    'interleaved',
    'an answer belongs to another turn',
    (it) => {
      message(it, 'a3').turn_id = 't0'
      withoutAnswer(it, 'r5')
    },
  ],
  [
    'two-running',
    'a turn runs and is not the last of its conversation',
    (it) => {
      running(it)
      the(it).last_turn_id = 't2'
    },
  ],
  [
    'deadlock',
    'the server has counted one',
    (it) => {
      it.dump.deadlocks = 1
    },
  ],
  [
    'taken-over',
    'an attempt begins while another runs',
    (it) => {
      it.records.push({ type: 'run-end', at: 20, nonce: 'x2', whole: false })
      run(it, 'x3').at = 10
    },
  ],
  [
    'taken-over',
    'an attempt begins after one that was done',
    (it) => {
      it.records.push({ type: 'run-end', at: 5, nonce: 'x2', whole: true })
      run(it, 'x3').at = 10
    },
  ],
  [
    'no-fate',
    'a turn runs for ever',
    (it) => {
      running(it)
      it.settled = true
    },
  ],
  [
    'no-fate',
    'an answer has another status than its turn',
    (it) => {
      turn(it, 't3').status = 'completed'
    },
  ],
  [
    'no-fate',
    'a turn has no answer',
    (it) => {
      running(it)
      turn(it, 't3').status = 'interrupted'
      the(it).last_position = 5
    },
  ],
  [
    'no-fate',
    'a turn has no question',
    (it) => {
      turn(it, 't3').user_message_id = 'u9'
    },
  ],
  [
    'unknown',
    'nobody sent it',
    (it) => {
      message(it, 'u3').content = 'm9'
      it.records = it.records.filter((record) => !/"(r5|x4)"/.test(JSON.stringify(record)))
      message(it, 'a3').content = ''
    },
  ],
  [
    'unknown',
    'it was sent to another conversation',
    (it) => {
      sent(it, 'r5').conversation = 'D'
    },
  ],
  [
    'unknown',
    'another user sent it',
    (it) => {
      sent(it, 'r5').user = 'bob'
    },
  ],
  [
    'duplicated',
    'a second conversation',
    (it) => {
      const again = exchange(1, 'completed', first.assistant)
      it.dump.conversations.push({ ...conversation, id: 'D', last_position: 2, last_turn_id: 't4' })
      it.dump.turns.push({
        ...again.turn,
        id: 't4',
        conversation_id: 'D',
        user_message_id: 'u4',
        message_id: 'a4',
      })
      const [asked, reply] = again.messages as [MessageRow, MessageRow]
      it.dump.messages.push({ ...asked, id: 'u4', conversation_id: 'D', turn_id: 't4' })
      it.dump.messages.push({ ...reply, id: 'a4', parent_id: 'u4', conversation_id: 'D', turn_id: 't4' })
    },
  ],
  [
    'lost',
    'a turn that was acknowledged is not stored',
    (it) => {
      it.records.push(send(91, 'r6', 4), answered(92, 'r6', 4, 'x'))
    },
  ],
  [
    'lost',
    'the answer that was acknowledged is not stored',
    (it) => {
      turn(it, 't1').status = 'interrupted'
      Object.assign(message(it, 'a1'), { status: 'interrupted', content: '' })
      for (const nonce of ['x2', 'x3', 'x4']) run(it, nonce).history = []
    },
  ],
  [
    'lost',
    'a failure was told, and its turn is not stored',
    (it) => {
      answer(it, 'r4').body.turn_id = 't9'
    },
  ],
  [
    'lost',
    'a model ran for a message that is not stored',
    (it) => {
      it.records.push(ran('x9', 'm9', []))
    },
  ],
  [
    'altered',
    'another answer is stored',
    (it) => {
      answer(it, 'r1').body.response = 'another'
    },
  ],
  [
    'altered',
    'it is stored under another id',
    (it) => {
      answer(it, 'r2').body.message_id = 'a9'
    },
  ],
  [
    'altered',
    'it is stored with another fate',
    (it) => {
      answer(it, 'r5').body.status = 'completed'
    },
  ],
  [
    'order',
    'what was acknowledged first stands second',
    (it) => {
      answer(it, 'r5').at = 5
      sent(it, 'r5').at = 4
    },
  ],
  [
    'replay',
    'a later request is not told that it is a replay',
    (it) => {
      answer(it, 'r2').replayed = false
    },
  ],
  [
    'replay',
    'a later request hears of a failure',
    (it) => {
      it.settled = false
      Object.assign(answer(it, 'r2'), problem(40, 'r2', 503, 'turn-interrupted', 't1'))
    },
  ],
  [
    'refused',
    'it was refused and is stored',
    (it) => {
      Object.assign(answer(it, 'r5'), problem(90, 'r5', 409, 'turn-in-progress', 't2'))
    },
  ],
  [
    'unexpected',
    'a status that has no business here',
    (it) => {
      it.records.push(send(96, 'r7', 1), problem(97, 'r7', 404, 'conversation-not-found'))
    },
  ],
  [
    'ran-unasked',
    'a run more than requests',
    (it) => {
      it.records.push(ran('x5', 'm3', [first]))
    },
  ],
  [
    'ran-unasked',
    'an attempt more than requests',
    (it) => {
      turn(it, 't2').attempt = 3
    },
  ],
  [
    'ran-unasked',
    'a failure changed and nobody asked',
    (it) => {
      const text = answerOf('x3', 'm2')
      turn(it, 't2').status = 'completed'
      Object.assign(message(it, 'a2'), { status: 'completed', content: text })
      run(it, 'x4').history = [first, { user: 'm2', assistant: text }]
    },
  ],
  [
    'unread',
    'a read lacks what was acknowledged before',
    (it) => {
      read(it).messages = [{ id: 'u2', position: 3 }]
    },
  ],
  [
    'rewritten',
    'another message was read at its place',
    (it) => {
      withoutAnswer(it, 'r5')
      read(it).messages = [{ id: 'a9', position: 6 }]
    },
  ],
  [
    'rewritten',
    'a message was read that is gone',
    (it) => {
      withoutThird(it)
      it.records.push({
        type: 'read',
        at: 95,
        user: 'ada',
        conversation: 'C',
        messages: [{ id: 'u3', position: 5 }],
      })
    },
  ],
  [
    'history',
    'a model is given a failed turn',
    (it) => {
      run(it, 'x4').history.push({ user: 'm2', assistant: '' })
    },
  ],
  [
    'history',
    'a model is not given a completed one',
    (it) => {
      run(it, 'x3').history = []
    },
  ],
  [
    'interleaved',
    'a summary stands between a question and its answer',
    (it) => {
      const answer = message(it, 'a3')
      const summary = { id: 's1', turn_id: null, parent_id: null, role: 'summary', content: 'so far' }
      it.dump.messages.splice(5, 0, { ...answer, ...summary })
      answer.position = 7
      read(it).messages = [{ id: 'a3', position: 7 }]
      the(it).last_position = 7
    },
  ],
  [
    'history',
    'a model is given half an answer',
    (it) => {
      run(it, 'x2').history = [{ user: 'm1', assistant: 'x1 on' }]
    },
  ],
  [
    'over-limit',
    'more turns of a user run than may',
    (it) => {
      it.dump.users = [{ user_id: 'ada', running: 3, reserved: 0, spent: 0 }]
    },
  ],
  [
    'over-budget',
    'a user has spent and reserved more than there is',
    (it) => {
      it.dump.users = [{ user_id: 'ada', running: 2, reserved: 50, spent: 51 }]
    },
  ],
  [
    'undead',
    'a conversation is read after it was deleted',
    (it) => {
      it.records.push(...leaving('delete', 92))
    },
  ],
  [
    'undead',
    'a message is sent to it after it has expired',
    (it) => {
      read(it).at = 65
      it.records.push(...leaving('expire', 84))
    },
  ],
  [
    'undead',
    'it is listed after that',
    (it) => {
      it.records.push(...leaving('delete', 96), { type: 'list', at: 97, conversations: ['B', 'C'] })
    },
  ],
  [
    'torn',
    'half an answer is stored as completed',
    (it) => {
      turn(it, 't3').status = 'completed'
      message(it, 'a3').status = 'completed'
      answer(it, 'r5').body.status = 'completed'
    },
  ],
  [
    'torn',
    'a completed answer comes from no run',
    (it) => {
      it.records = it.records.filter((record) => !(record.type === 'run' && record.nonce === 'x1'))
    },
  ],
  [
    'torn',
    'a part of an answer that no run gave',
    (it) => {
      message(it, 'a2').content = 'x9'
    },
  ],
]

for (const [rule, why, change] of broken) {
  t.test(`${rule}: ${why}`, async (t) => {
    const it = world()
    change(it)
    t.same(found(it), [rule], 'only this rule is broken')
    const [violation] = judge(it)
    t.match(violation?.text, rule === 'deadlock' ? /1/ : /\b([mtuax]\d|C|ada)\b/, 'it says which')
  })
}

t.test('every rule has such a history', async (t) => {
  t.same(new Set(broken.map(([rule]) => rule)), new Set(Object.keys(rules)), 'every rule has one')
})
