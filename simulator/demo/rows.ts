import ms, { type StringValue } from 'ms'
import type { Scenario } from '../scenario.ts'
import { scenarios } from '../scenarios.ts'
import policy from './retry-policy.json' with { type: 'json' }

/** One request of the demo, and what is expected besides the end that its scenario says. */
export interface Row {
  readonly label: string
  readonly scenario: Scenario
  /** How many of its callbacks are answered as duplicates. */
  readonly duplicates: number
  /** How many of its callbacks are kept in quarantine. */
  readonly quarantined: number
  /** The least time between its first callback and its second attempt. */
  readonly retriesAfterMs: number
}

const [wait4Hours = '0s'] = policy.retry['wait-4-hours'].delays

/** What four hours are in the demo, in words. */
export const fourHours = wait4Hours

/** The demo's requests, in the order in which they are asked: those that take long come early. */
export const rows: readonly Row[] = [
  row('ok'),
  row('wait-4-hours-once', { retriesAfterMs: ms(wait4Hours as StringValue) }),
  row('retry-after-notification-once'),
  row('schema-breaking', { quarantined: 1 }),
  row('duplicate', { duplicates: 1 }),
  row('never-once'),
  row('retry-immediately-once'),
  row('500-text'),
  row('do-not-retry'),
  row('empty'),
  row('incomplete'),
  row('early')
]

/** Asked right before the service is killed, so that it dies with something in every state. */
export const crashRows: readonly Row[] = [
  row('retry-immediately-once', { label: '† retry-immediately-once' }),
  row('slow-answer', { label: '† slow-answer' }),
  row('ok', { label: '† ok' }),
  row('empty', { label: '† empty' })
]

function row(name: string, more: Partial<Row> = {}): Row {
  const scenario = scenarios.find((each) => each.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  return { label: name, scenario, duplicates: 0, quarantined: 0, retriesAfterMs: 0, ...more }
}
