/** Calls `sample` periodically until `work` has settled. Resolves with the results of both. */
export const sampleDuring = async <T, S>(
  work: Promise<T>,
  everyMs: number,
  sample: () => Promise<S>,
): Promise<[T, S[]]> => {
  const samples: Promise<S>[] = []
  const timer = setInterval(() => samples.push(sample()), everyMs)
  try {
    const result = await work
    return [result, await Promise.all(samples)]
  } finally {
    clearInterval(timer)
  }
}
