/** The load generator's process: receives LoadOptions as its only message and responds with a LoadAnswer. */
import autocannon from 'autocannon'
import type { LoadAnswer, LoadOptions } from './load.js'

const answer = (message: LoadAnswer): void => {
  process.send?.(message, () => process.disconnect?.())
}

process.once('message', ({ url, connections, calls, until }: LoadOptions) => {
  const micros: number[] = []
  const errors = new Map<string, number>()
  const count = (error: string) => errors.set(error, (errors.get(error) ?? 0) + 1)
  let next = 0
  let last = 0
  const start = performance.now()
  const cpu = process.cpuUsage()
  const instance = autocannon(
    {
      url,
      connections,
      ...('seconds' in until ? { duration: until.seconds } : { amount: until.calls }),
      timeout: 30,
      // How often it checks whether the run is over.
      sampleInt: 100,
      setupClient: (client) => {
        client.setRequests(calls[next % calls.length] ?? [])
        next += 1
      },
    },
    (error) => {
      const { user, system } = process.cpuUsage(cpu)
      if (error) return answer({ error: String(error) })
      if (errors.size > 0) return answer({ error: `calls failed: ${JSON.stringify([...errors])}` })
      answer({ load: { seconds: (last - start) / 1000, micros, cpuSeconds: (user + system) / 1e6 } })
    },
  )
  instance.on('response', (_client, status, _bytes, milliseconds) => {
    last = performance.now()
    if (status !== 200) count(`status ${status}`)
    micros.push(milliseconds * 1000)
  })
  instance.on('reqError', (error) => count(String(error)))
})
