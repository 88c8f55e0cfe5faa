import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Collects what nothing holds any more, for about half a second: what is under way meanwhile lets go of more. */
export const collectGarbage = async (): Promise<void> => {
  for (let n = 0; n < 5; n += 1) {
    await sleep(100)
    await setImmediate()
    collect()
  }
}
