/** How long it is until an instant, in words: `12 s`, `59 min`; empty where there is none. */
export function timeLeft(instant: string | null, now = Date.now()): string {
  if (instant === null) return ''
  const seconds = Math.max(0, Math.ceil((Date.parse(instant) - now) / 1000))
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`
}

/** The time of day of an instant, in UTC: `09:00:12Z`; empty where there is none. */
export function timeOfDay(instant: string | null): string {
  return instant === null ? '' : `${instant.slice(11, 19)}Z`
}
