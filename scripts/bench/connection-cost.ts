import { makeLoad } from './load.js'
import type { Bench, Cell, Table } from './part.js'
import { cpuSeconds } from './process.js'
import { callsOf } from './user.js'

const program = ['dist/scripts/bench/waiting-fastify.js']

/** What waiting connections cost a server that does nothing, at the rate of turns that was measured at 100 of them. */
export const connectionCost = async (
  { server, seconds, signal, progress }: Bench,
  connectionCounts: number[],
  perSecond: number,
): Promise<Table> => {
  const { url, pid } = await server({ program })
  const call = (await callsOf('alice')).chat()
  const rows: Cell[][] = []
  for (const connections of connectionCounts) {
    progress(`a server that does nothing: ${connections} connections`)
    const ms = Math.round((1000 * connections) / perSecond)
    const before = await cpuSeconds([pid])
    const load = await makeLoad(
      {
        url,
        connections,
        calls: [[{ ...call, path: `/wait/${ms}` }]],
        until: { seconds: seconds + ms / 1000 },
      },
      signal,
    )
    const requests = load.micros.length
    const perRequest = (cpu: number) => ((1000 * cpu) / requests).toFixed(2)
    rows.push([
      connections,
      requests / load.seconds,
      `${perRequest((await cpuSeconds([pid])) - before)} / ${perRequest(load.cpuSeconds)}`,
    ])
  }
  return {
    title: 'What connections that wait cost a server that does nothing',
    columns: ['connections', 'requests/s', 'processor ms a request'],
    rows,
    notes: [
      "fastify alone, which answers each request as late as turns are at this rate. Processor time: the server's / the load generator's. What it grows by above 100 connections grows for every server here.",
    ],
  }
}
