/** Shares one result of `work` among all calls within `ms` of its start. */
export const singleFlight = <T>(ms: number, work: () => Promise<T>): (() => Promise<T>) => {
  let latest: { at: number; result: Promise<T> } | undefined
  return () => {
    const now = performance.now()
    if (!latest || now - latest.at >= ms) latest = { at: now, result: work() }
    return latest.result
  }
}
