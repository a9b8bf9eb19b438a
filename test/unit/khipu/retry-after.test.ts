import t from 'tap'
import { readRetryAfter } from '../../../src/khipu/retry-after.ts'

const NOW = Date.parse('2026-11-22T09:00:00Z')
const HOUR = 3_600_000

const ROWS: readonly [lines: readonly string[] | undefined, ms: number | null][] = [
  [['1'], 1000],
  [[' 120 '], 120_000],
  [['0'], 0],
  [['-3600'], null],
  [['-0'], null],
  [['+5'], null],
  [['1.5'], null],
  [['0x10'], null],
  [['1e3'], null],
  [['soon'], null],
  [[''], null],
  [[','], null],
  [[], null],
  [undefined, null],
  [['9'.repeat(400)], Number.MAX_SAFE_INTEGER],
  // The three forms of a date in HTTP: in whatever time zone the process runs, they are GMT.
  [['Sun, 22 Nov 2026 09:00:30 GMT'], 30_000],
  [['Sunday, 22-Nov-26 09:00:30 GMT'], 30_000],
  [['Sun Nov 22 09:00:30 2026'], 30_000],
  [['Tue Dec  1 09:00:00 2026'], 9 * 24 * HOUR],
  [['Sun, 22 Nov 2026 08:00:00 GMT'], 0],
  [['Sunday, 22-Nov-26 08:00:00 GMT'], 0],
  [['Sun Nov 22 08:00:00 2026'], 0],
  [['Sunday, 06-Nov-94 08:49:37 GMT'], 0],
  [['Friday, 22-Nov-77 09:00:00 GMT'], 0],
  // What looks like a date and is none of HTTP's.
  [['Sun, 22 Foo 2026 09:00:30 GMT'], null],
  [['Sun, 22 Nov 2026 09:00:30 -0300'], null],
  [['2026-11-22T09:00:30Z'], null],
  [['2026'], 2026_000],
  // Several of them: the largest.
  [['1', '120'], 120_000],
  [['120', '1'], 120_000],
  [['1, 120'], 120_000],
  [['120,1'], 120_000],
  [['soon', '7', '-9000'], 7000],
  [['Sun, 22 Nov 2026 09:00:30 GMT, 7'], 30_000],
  [['7, Sun, 22 Nov 2026 09:00:30 GMT'], 30_000],
  [['60, Sunday, 22-Nov-26 09:00:30 GMT', 'Sun Nov 22 09:00:30 2026'], 60_000]
]

for (const [lines, ms] of ROWS) {
  const name = lines === undefined ? 'absent' : lines.map((line) => line.slice(0, 40)).join(' | ')
  t.test(`Retry-After ${name} is ${ms ?? 'no'} ms`, async (t) => {
    t.equal(readRetryAfter(lines, NOW), ms)
  })
}

t.test('a year of two digits is the nearest one, and at most 50 years ahead', async (t) => {
  const at = (now: string) => readRetryAfter(['Sunday, 22-Nov-76 09:00:00 GMT'], Date.parse(now))
  t.equal(at('2026-11-22T09:00:00Z'), Date.parse('2076-11-22T09:00:00Z') - NOW)
  t.equal(at('2025-11-22T09:00:00Z'), 0, '1976')
})
