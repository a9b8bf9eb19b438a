import type { Scenario } from '../scenario.ts'
import { scenarios } from '../scenarios.ts'

/** One request of the demo, and what is expected besides the end that its scenario says. */
export interface DemoRequest {
  readonly label: string
  readonly scenario: Scenario
  /** How many of its callbacks are answered as duplicates, and how many are kept in quarantine. */
  readonly expected: { readonly duplicates: number; readonly quarantined: number }
}

/** In the order in which they are sent: those that take long come early. */
export const demoRequests = [
  ...['ok', 'wait-4-hours-once', 'retry-after-notification-once', 'schema-breaking', 'duplicate'],
  ...['never-once', 'retry-immediately-once', '500-text', 'do-not-retry', 'empty', 'incomplete'],
  'early'
].map((name) => requestTo(name))

/** Sent right before the service is killed, so that it dies with something in every state. */
export const crashRequests = ['retry-immediately-once', 'slow-answer', 'ok', 'empty'].map((name) =>
  requestTo(name, '† ')
)

function requestTo(name: string, mark = ''): DemoRequest {
  const scenario = scenarios.find((each) => each.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  const [duplicates, quarantined] = [+(name === 'duplicate'), +(name === 'schema-breaking')]
  return { label: mark + name, scenario, expected: { duplicates, quarantined } }
}
