const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SHORT = /^(?<count>\d+)\s?(?<unit>ms|s|m|h|d)$/
const ISO_8601 =
  /^P(?=[\dT])(?:(?<d>\d+)D)?(?:T(?=\d)(?:(?<h>\d+)H)?(?:(?<m>\d+)M)?(?:(?<s>\d+(?:\.\d+)?)S)?)?$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/

/** However short Khipu's LifeSpan is, or our own time-out: so long a callback may take. */
const SHORTEST_WAIT_MS = 180_000

/**
 * How long the callback of an acknowledged request is awaited, in ms: for as long as Khipu's LifeSpan says where it
 * can be read, else for `callbackTimeoutMs`. Whoever gives up too early pays for the same result again.
 */
export function callbackWaitMs(
  lifeSpan: string | null,
  now: number,
  { callbackTimeoutMs, mostMs }: { readonly callbackTimeoutMs: number; readonly mostMs: number }
): number {
  const wanted = Math.min(readLifeSpan(lifeSpan, now) ?? callbackTimeoutMs, mostMs)
  return Math.max(wanted, Math.min(callbackTimeoutMs, SHORTEST_WAIT_MS))
}

/**
 * How long Khipu says that it works on a request, in ms; null where the text can't be read as that.
 * Khipu documents LifeSpan as the time range of an asynchronous request, but neither format nor unit
 * (so all of this is assumed): read are ISO 8601 durations (`PT30M`), `30m`, and instants in the
 * future. A bare number has no unit and is not guessed at.
 */
export function readLifeSpan(text: string | null, now: number): number | null {
  const value = (text ?? '').trim()
  const ms = readShort(value) ?? readIso8601(value) ?? readInstant(value, now)
  return ms !== null && ms >= 1 ? Math.round(ms) : null
}

function readShort(value: string): number | null {
  const { count, unit } = SHORT.exec(value)?.groups ?? {}
  return count === undefined ? null : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
}

function readIso8601(value: string): number | null {
  const groups = ISO_8601.exec(value)?.groups
  if (groups === undefined) return null
  const units = ['d', 'h', 'm', 's'] as const
  return units.reduce((sum, unit) => sum + Number(groups[unit] ?? 0) * UNIT_MS[unit], 0)
}

function readInstant(value: string, now: number): number | null {
  return INSTANT.test(value) ? Date.parse(value) - now : null
}
