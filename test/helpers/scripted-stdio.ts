/** A tool server that is a process and answers with the results of ANSWERS (JSON, by method), right or wrong. */
import { createInterface } from 'node:readline'
import { answerTo } from './scripted-answers.js'

for await (const line of createInterface({ input: process.stdin })) {
  const answer = answerTo(JSON.parse(process.env.ANSWERS ?? '{}'), JSON.parse(line))
  if (answer !== undefined) process.stdout.write(`${answer}\n`)
}
