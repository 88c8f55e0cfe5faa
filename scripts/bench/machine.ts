import { cpus, totalmem } from 'node:os'
import { pgbenchVersion } from './ceiling.js'

/** Describes the machine without identifying it; `postgres` is the server's version. */
export const machineText = async (
  postgres: string,
  { seconds, rounds, rows }: { seconds: number; rounds: number; rows: number },
): Promise<string> => {
  const pgbench = await pgbenchVersion()
  return [
    `- ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC; ${seconds} s a measurement, ${rounds} rounds, ${rows.toLocaleString('en-GB')} rows`,
    `- ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 1e9)} GB`,
    `- ${process.platform}-${process.arch}, Node ${process.versions.node}, PostgreSQL ${postgres}`,
    `- ${pgbench ?? 'no pgbench'}`,
  ].join('\n')
}
