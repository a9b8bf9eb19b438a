import type { Test } from 'tap'

/** For a file whose tests take longer together, on a machine that is busy, than a file may: for this process, and for the runner that reads its output. */
export function takeTime(t: Test, minutes = 10): void {
  const ms = minutes * 60_000
  t.setTimeout(ms)
  t.comment(`timeout=${ms}`)
}
