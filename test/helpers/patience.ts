import type { Test } from 'tap'

const MINUTES_10 = 600_000

/** For a file whose tests take longer together, on a machine that is busy, than a file may: for this process, and for the runner that reads its output. */
export function takeTime(t: Test): void {
  t.setTimeout(MINUTES_10)
  t.comment(`timeout=${MINUTES_10}`)
}
