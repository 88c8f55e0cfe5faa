import { cpus, totalmem } from 'node:os'
import { pgbenchVersion } from './ceiling.js'

/** What the figures depend on, with nothing in it that tells whose machine it is. */
export const machineText = async (options: {
  seconds: number
  rounds: number
  rows: number
}): Promise<string> => {
  const settings = Object.entries(options).map(([name, value]) => `${name} ${value.toLocaleString('en-GB')}`)
  const pgbench = await pgbenchVersion()
  return [
    `- ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC; ${settings.join(', ')}`,
    `- ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 1e9)} GB`,
    `- ${process.platform}-${process.arch}, Node ${process.versions.node}`,
    `- ${pgbench ?? 'no pgbench'}`,
  ].join('\n')
}
