import { useEffect, useState } from 'preact/hooks'

const TICK_MS = 500

/** The time, anew every half second while it is needed. */
export const useNow = (isNeeded: boolean): number => {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (!isNeeded) return
    const timer = setInterval(() => setNow(Date.now()), TICK_MS)
    return () => clearInterval(timer)
  }, [isNeeded])
  return now
}

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** How long it is until then: `0:42` below an hour, else the largest unit. Undefined when the time has come. */
export const leftUntil = (until: number, now: number): string | undefined => {
  const seconds = Math.ceil((until - now) / 1000)
  if (seconds <= 0) return undefined
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? units[2]
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(
    Math.ceil(seconds / size),
  )
}
