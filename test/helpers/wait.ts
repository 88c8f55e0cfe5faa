/** How long a test waits for a thing, on a machine that is busy with all the other tests. */
const usualMs = 60_000

const seconds = (ms: number): string => `${ms / 1_000} s`

/**
 * Waits for a promise, but not for ever: past the bound it rejects and says what it waited for. `what` may be a
 * function when that depends on what has come until then.
 */
export const within = async <T>(
  what: string | (() => string),
  promise: PromiseLike<T>,
  ms = usualMs,
): Promise<T> => {
  const late = new Error()
  let timer: NodeJS.Timeout | undefined
  const bound = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late.message = `waited ${seconds(ms)} for ${typeof what === 'string' ? what : what()}`
      reject(late)
    }, ms)
  })
  try {
    return await Promise.race([promise, bound])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Waits until a condition holds, asking again and again. Past the bound it rejects and says what it waited for: the
 * condition as it stands in the test, unless it is told in words.
 */
export const until = async (
  condition: () => boolean | Promise<boolean>,
  what = String(condition),
  ms = usualMs,
): Promise<void> => {
  const late = new Error(`waited ${seconds(ms)} for ${what}`)
  const end = performance.now() + ms
  const hold = async () => {
    while (!(await condition())) {
      if (performance.now() > end) throw late
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  // A condition may itself wait, for an answer that does not come.
  await within(what, hold(), ms + 5_000)
}
