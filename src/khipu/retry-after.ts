const MONTHS: ReadonlyMap<string, number> = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map(
    (name, index) => [name, index] as const
  )
)

/** The three date formats of HTTP (RFC 9110, 5.6.7): IMF-fixdate, RFC 850 and asctime. All of them are GMT. */
const DATES = [
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/,
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) {1,2}(?<day>\d{1,2}) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/
]

/** A comma between two values, not the one inside a date. */
const BETWEEN = /,(?!\s*\d{1,2}[ -][A-Za-z])/

/**
 * Retry-After in ms, from seconds or dates. Of several values, in one line or in many, the largest counts. Null if none
 * can be read. A negative number is invalid.
 */
export function readRetryAfter(lines: readonly string[] | undefined, now: number): number | null {
  const delays = (lines ?? [])
    .flatMap((line) => line.split(BETWEEN))
    .map((value) => readDelay(value.trim(), now))
    .filter((delay) => delay !== null)
  return delays.length === 0 ? null : Math.min(Math.max(...delays), Number.MAX_SAFE_INTEGER)
}

function readDelay(value: string, now: number): number | null {
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = readDate(value, now)
  return date === null ? null : Math.max(0, date - now)
}

function readDate(value: string, now: number): number | null {
  const found = DATES.map((form) => form.exec(value)?.groups).find((groups) => groups !== undefined)
  if (found === undefined) return null
  const { day, month = '', year = '', time = '' } = found
  const monthIndex = MONTHS.get(month)
  if (monthIndex === undefined) return null
  const [hours = NaN, minutes, seconds] = time.split(':').map(Number)
  const fullYear = year.length === 2 ? fullYearOf(Number(year), now) : Number(year)
  return Date.UTC(fullYear, monthIndex, Number(day), hours, minutes, seconds)
}

/** A two-digit year that seems to be over 50 years ahead lies in the past (RFC 9110). */
function fullYearOf(year: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear()
  const inThisCentury = thisYear - (thisYear % 100) + year
  return inThisCentury > thisYear + 50 ? inThisCentury - 100 : inThisCentury
}
