import { say } from '../site/processes.ts'

/** Says on stderr what is being measured, and about how long everything still takes. */
export interface Progress {
  /** Begins a step that is expected to take so long. */
  step(what: string, seconds: number): void
}

/** `planned` is how long all steps should take; the estimate follows the pace of the steps so far. */
export function createProgress(planned: number): Progress {
  const start = performance.now()
  let expected = 0
  return {
    step(what, seconds) {
      const elapsed = (performance.now() - start) / 1000
      const pace = expected < 10 ? 1 : elapsed / expected
      say(`${what} (about ${inWords(Math.max(seconds, planned - expected) * pace)} left)`)
      expected += seconds
    }
  }
}

function inWords(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`
}
