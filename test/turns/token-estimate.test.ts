import { encode as encodeCl100k } from 'gpt-tokenizer/encoding/cl100k_base'
import { encode as encodeO200k } from 'gpt-tokenizer/encoding/o200k_base'
import t, { type Test } from 'tap'
import { estimateTokens, estimateTools } from '../../src/turns/agent/history-window.js'
import type { Json, TestAppOptions } from '../helpers/app.js'
import { localTools } from '../helpers/local-tools.js'
import { providerApp } from '../helpers/provider-app.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { events } from '../helpers/upstream.js'

const uuids = ['01a2006f-8262-700b-aef9-00ef8bc75eeb', '01a2006f-8262-700b-aef9-06cceb55a392']
const call = { id: 'call_1', name: 'add_task', arguments: { title: 'Buy milk' }, result: { task_id: 7 } }

/** What people and tools write, and the least and the most of its tokens that the estimate may make of it. */
const samples: Record<string, { least: number; most: number; texts: string[] }> = {
  'prose in a Latin or Cyrillic script': {
    least: 1,
    most: 2.5,
    texts: [
      'Please add milk and bread to my shopping list for tomorrow morning, and remind me to call the dentist.',
      'Bitte füge Milch und Brot zu meiner Einkaufsliste für morgen früh hinzu, und erinnere mich an den Zahnarzt.',
      'Añade leche y pan a mi lista de la compra para mañana por la mañana, y recuérdame que llame al dentista.',
      'Пожалуйста, добавь молоко и хлеб в мой список покупок на завтра и напомни мне позвонить стоматологу.',
    ],
  },
  'prose in other scripts': {
    least: 0.8,
    most: 3,
    texts: [
      '请把牛奶和面包加到我明天早上的购物清单里，并提醒我给牙医打电话。我们还需要讨论下周的旅行计划。',
      '明日の朝の買い物リストに牛乳とパンを追加して、歯医者に電話することを思い出させてください。',
      '내일 아침 장보기 목록에 우유와 빵을 추가하고 치과에 전화하라고 알려 주세요.',
      'من فضلك أضف الحليب والخبز إلى قائمة التسوق الخاصة بي لصباح الغد وذكرني بالاتصال بطبيب الأسنان.',
      'कृपया कल सुबह के लिए मेरी खरीदारी सूची में दूध और रोटी जोड़ें और मुझे दंत चिकित्सक को फोन करने की याद दिलाएं।',
    ],
  },
  'code and JSON': {
    least: 0.9,
    most: 2,
    texts: [
      'export const sum = (numbers: number[]): number => {\n  let total = 0\n  for (const n of numbers) total += n\n  return total\n}\n',
      JSON.stringify([call, { ...call, id: 'call_2', error: 'There is no such task.' }]),
    ],
  },
  'ids, tables and emoji': {
    least: 0.45,
    most: 1,
    texts: [
      uuids.join(' '),
      '| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n| 4 | 5 | 6 |\n',
      '😀🎉👍🏽 🥛🍞 👨‍👩‍👧‍👦 🇩🇪🇫🇷 ✅❌⚠️ 🚀🔥💯',
    ],
  },
}

for (const [kind, { least, most, texts }] of Object.entries(samples)) {
  t.test(
    `the estimate of ${kind} is between ${least} and ${most} times the tokens that it has`,
    async (t) => {
      for (const text of texts) {
        for (const encode of [encodeO200k, encodeCl100k]) {
          const ratio = estimateTokens(text) / encode(text).length
          t.ok(ratio >= least && ratio <= most, `${text.slice(0, 20)} ${ratio.toFixed(2)}`)
        }
      }
    },
  )
}

const model = 'openai-compatible/m'
/** Twelve bytes and the same again: nine tokens. */
const message = 'a message...'
const answer = 'an answer...'
const ofTurn = 9
const ofMessage = estimateTokens(message)

/** How many earlier turns the model is sent with the third message. */
const past = async (t: Test, limits: TestAppOptions['limits'], options: TestAppOptions = {}) => {
  const app = await providerApp(t, model, {}, { ...options, limits })
  app.provider.answer(events(...wire.answer(answer)))
  const { conversation_id } = await app.chat(message)
  for (let n = 2; n <= 3; n += 1) await app.chat(message, { conversation_id })
  const sent: Json[] = app.provider.requests.at(-1)?.body.messages
  return sent.filter(({ role }: Json) => role === 'assistant').length
}

t.test('the window is that of the model, and holds what else the model is sent', async (t) => {
  const two = ofMessage + 2 * ofTurn
  t.equal(await past(t, { historyTokens: two }), 2, 'the window takes the turns that fit it exactly')
  t.equal(await past(t, { historyTokens: two - 1 }), 1, 'a token less takes one turn fewer')
  t.equal(await past(t, { historyTokens: 0 }), 0, 'the message itself is sent, however small the window')

  const byModel = { 'openai/m': 0, [model]: two }
  t.equal(await past(t, { historyTokens: 0, modelHistoryTokens: byModel }), 2, 'a model has its own window')

  const systemPrompt = 'Be kind.'
  const withSystem = two + estimateTokens(systemPrompt)
  t.equal(await past(t, { historyTokens: withSystem }, { systemPrompt }), 2, 'the system prompt counts')
  t.equal(await past(t, { historyTokens: withSystem - 1 }, { systemPrompt }), 1, 'to the token')

  const tools = localTools({ add: { work: () => 1 }, list: { work: () => 2 } })
  const withTools = two + estimateTools(await tools.open('alice', AbortSignal.timeout(1_000)))
  t.equal(await past(t, { historyTokens: withTools }, { tools }), 2, 'the tools count')
  t.equal(await past(t, { historyTokens: withTools - 1 }, { tools }), 1, 'the tools count to the token')
})
