/** Makes one thing for each key. What could not be made is tried again the next time that it is asked for. */
export const onceFor = <Key extends object, T>(
  make: (key: Key) => Promise<T>,
): ((key: Key) => Promise<T>) => {
  const made = new WeakMap<Key, Promise<T>>()
  return (key) => {
    const known = made.get(key)
    if (known) return known
    const making = make(key)
    made.set(key, making)
    making.catch(() => made.delete(key))
    return making
  }
}
