import type { Behaviour } from './behaviour.ts'
import { endInWords, type End } from './scenario-end.ts'

/** One row of the table: what the simulated Khipu does to the accounts of one prefix. */
export interface Scenario {
  readonly name: string
  /** `1001` stands for the account numbers `1001` and `1001-…`, of at most 20 characters. */
  readonly prefix: string
  readonly does: string
  /** Where a request comes to rest by itself, with the receiver's built-in policy. */
  readonly ends: End
  /** Rows that end parked: where a request comes to rest once it is released. */
  readonly afterRelease?: End
  /** Rows whose retries are hours apart: the state in which they are seen until then. */
  readonly meanwhile?: 'retry-scheduled'
  /** What the first, second, … attempt does; the last one stands for all that follow. */
  readonly attempts: readonly [Behaviour, ...Behaviour[]]
}

/** What this attempt, counted from 1, does. */
export function behaviourOf(scenario: Scenario, attempt: number): Behaviour {
  const { attempts } = scenario
  return attempts[Math.min(attempt, attempts.length) - 1] ?? attempts[0]
}

/** The whole way to the end in words, as the README's table has it. */
export function endsInWords(row: Omit<Scenario, 'attempts'>): string {
  const { ends, afterRelease, meanwhile } = row
  const first = meanwhile === undefined ? '' : `${meanwhile} for 4 h at a time, then `
  const last = afterRelease === undefined ? '' : `; once released: ${endInWords(afterRelease)}`
  return `${first}${endInWords(ends)}${last}`
}
