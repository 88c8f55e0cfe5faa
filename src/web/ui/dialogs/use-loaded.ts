import { useEffect, useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../store/failure.js'

interface Loaded<T> {
  value?: T
  failure?: Failure
}

/** What is read when the dialog opens, and given up when it closes. */
export const useLoaded = <T>(load: (signal: AbortSignal) => Promise<T>): Loaded<T> => {
  const [loaded, setLoaded] = useState<Loaded<T>>({})
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    load(signal).then(
      (value) => signal.aborted || setLoaded({ value }),
      (error: unknown) => signal.aborted || setLoaded({ failure: toFailure(error) }),
    )
    return () => controller.abort()
  }, [])
  return loaded
}
