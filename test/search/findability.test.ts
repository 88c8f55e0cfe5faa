import t from 'tap'
import { type Json, testApp } from '../helpers/app.js'

const app = await testApp(t)

const search = async (q: string, more = ''): Promise<Json> => {
  const { status, body, text } = await app.call('GET', `/api/alice/search?q=${encodeURIComponent(q)}${more}`)
  if (status !== 200) throw new Error(`${q}: ${status} ${text}`)
  return body
}

/** What a user has written, and what each finds it by. */
const found: [message: string, queries: string[]][] = [
  [
    'The cities were crowded when we went running',
    ['city', 'cities', 'CROWDED', 'run', 'runs', 'crowd', 'owded', 'when running'],
  ],
  ['Le café était fermé, les chevaux dormaient', ['cafe', 'CAFÉ', 'cafe\u0301', 'ferme', 'cheval', 'dormir']],
  [
    'Das Häuschen an der Hauptstraße gehört den Kindern',
    ['häuschen', 'hauschen', 'HAUPTSTRASSE', 'straße', 'Kinder'],
  ],
  ['Dos canciones de otoño', ['cancion', 'canción', 'otono', 'CANCIONES']],
  ['Книги лежат на столе, Ёлка стоит', ['книга', 'КНИГИ', 'стол', 'елка', 'ёлка']],
  ['Η θάλασσα είναι γαλάζια. ΟΔΥΣΣΕΥΣ', ['θαλασσα', 'ΘΆΛΑΣΣΑ', 'οδυσσευς', 'γαλαζ']],
  ['東京都に住んでいます', ['東京', '京', '住んで', 'います']],
  ['今天天气很好，我们去公园吧', ['天气', '公园', '好', '我们去']],
  ['내일 서울에서 만나요', ['서울', '내일', '만나', '서울에서']],
  ['שלום עולם, מה שלומך?', ['שלום', 'עולם']],
  ['مُحَمَّد ذهب إلى المدرسة', ['محمد', 'المدرسة', 'مدرس']],
  ['मुझे हिन्दी पढ़ना पसंद है', ['हिन्दी', 'पसंद']],
  ['ฉันชอบกินข้าวผัด', ['ข้าว', 'ชอบกิน']],
  ['Kapıyı kapatın, İstanbul güzel', ['istanbul', 'KAPIYI', 'guzel', 'kapatin']],
  [
    'call foo_bar(x) and then std::vector<int> in C++ or C#, a->b != c',
    ['foo_bar(x)', 'foo_bar', 'bar(x', 'std::vector', 'vector<int>', 'C++', 'C#', '->', '!=', 'a->b'],
  ],
  [
    'See https://example.org/docs?page=2&x=y or mail ann@example.org',
    ['example.org', 'docs?page=2', 'ann@example', '&x=y'],
  ],
  [
    'Error 0x80070057 in C:\\Windows\\System32 at 100%',
    ['0x80070057', 'C:\\Windows', '100%', 'system32', '70057'],
  ],
  ['Thumbs up 👍🏽 and a family 👨‍👩‍👧 and ❤️', ['👍', '👍🏽', '👨‍👩‍👧', '❤️', '❤']],
  ['ＦＵＬＬ ｗｉｄｔｈ and ｶﾀｶﾅ', ['full width', 'カタカナ', 'FULL']],
  ['It is 5 o’clock, she said "go"', ['go', '5', '"she said"', 'said "go']],
  ['operators :*&| and !() stay', [':*&|', '!()', '&', '|', ':*']],
  ['the naïve coöperation of résumés', ['naive', 'cooperation', 'resume', 'résumé']],
]

t.test('a message is found by its words, in any language, by parts of them, and by code', async (t) => {
  for (const [message] of found) await app.chat(message)
  for (const [message, queries] of found) {
    for (const q of queries) {
      const { data } = await search(q, '&limit=100')
      const mine = data.filter(({ excerpt }: Json) => excerpt === message)
      t.ok(mine.length > 0, `${JSON.stringify(q)} finds ${JSON.stringify(message)}`)
      for (const { excerpt, highlights } of mine) {
        const letters = [...excerpt]
        t.ok(highlights.length > 0, `${JSON.stringify(q)} is highlighted`)
        for (const { start, end } of highlights)
          t.ok(
            start < end && end <= letters.length,
            `a highlight of ${JSON.stringify(q)} lies in the excerpt`,
          )
      }
    }
  }
})
