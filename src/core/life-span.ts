const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SHORT = /^(?<count>\d+)\s?(?<unit>ms|s|m|h|d)$/
const ISO_8601 =
  /^P(?=[\dT])(?:(?<d>\d+)D)?(?:T(?=\d)(?:(?<h>\d+)H)?(?:(?<m>\d+)M)?(?:(?<s>\d+(?:\.\d+)?)S)?)?$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/

/** Minimum wait for a callback, unless CALLBACK_TIMEOUT is shorter. A shorter LifeSpan from Khipu does not count. */
const SHORTEST_WAIT_MS = 180_000

/**
 * The wait for the callback of an acknowledged request, in ms: Khipu's LifeSpan if it can be read, else
 * `callbackTimeoutMs`. A wait that is too short makes the service pay for the same result again.
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
 * Khipu's stated duration for a request, in ms; null if the text cannot be read as one.
 * Khipu documents LifeSpan as the time range of an asynchronous request, but neither its format nor its unit. So the
 * formats are assumed: ISO 8601 durations (`PT30M`), `30m`, and instants in the future. A bare number has no unit and
 * is ignored.
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
