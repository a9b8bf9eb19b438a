import type { Result } from '../consumer.ts'
import type { Call, SentCallback } from '../history.ts'
import type { Scenario } from '../scenario.ts'
import { scenarios } from '../scenarios.ts'

/** One request of the demo: what is expected besides the end of its scenario, and what is known of it. */
export interface DemoRequest {
  readonly label: string
  readonly scenario: Scenario
  /** How many of its callbacks are answered as duplicates, and how many are kept in quarantine. */
  readonly expected: { readonly duplicates: number; readonly quarantined: number }
  readonly account: string
  requestId?: string
  view?: RequestView | undefined
  results: readonly Result[]
  calls: readonly Call[]
  callbacks: readonly SentCallback[]
  quarantined: number
}

/** The part of a request (schemas/request-view.json) that the demo reads. */
export interface RequestView {
  readonly requestId: string
  readonly state: string
  readonly reason: string | null
  readonly attempts: number
  readonly dueAt: string | null
}

const early = 'ok wait-4-hours-once retry-after-notification-once schema-breaking duplicate'
const late = 'never-once retry-immediately-once 500-text do-not-retry empty incomplete early'

/** In the order in which they are sent: those that take long come early. */
export const usual = `${early} ${late}`.split(' ').map((name, index) => requestTo(name, index))
/** Sent right before the service is killed, so that it dies with something in every state. */
export const cutOff = ['retry-immediately-once', 'slow-answer', 'ok', 'empty'].map((name, index) =>
  requestTo(name, usual.length + index, '† ')
)

function requestTo(name: string, index: number, mark = ''): DemoRequest {
  const scenario = scenarios.find((each) => each.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  const [duplicates, quarantined] = [+(name === 'duplicate'), +(name === 'schema-breaking')]
  const account = `${scenario.prefix}-${String(index + 1).padStart(4, '0')}`
  const known = { results: [], calls: [], callbacks: [], quarantined: 0 }
  return { label: mark + name, scenario, expected: { duplicates, quarantined }, account, ...known }
}

/** True once it has ended. */
export function hasEnded({ view }: DemoRequest): boolean {
  return ['delivered', 'failed', 'cancelled'].includes(view?.state ?? '')
}

/** True once it has ended and nothing more is expected of it. */
export function isComplete(request: DemoRequest): boolean {
  const { results, callbacks, expected, quarantined } = request
  const isQuiet = results.length > 0 && callbacks.every(({ answer }) => answer !== null)
  const hasAll = duplicatesOf(request) >= expected.duplicates && quarantined >= expected.quarantined
  return hasEnded(request) && isQuiet && hasAll
}

/** How many of its callbacks were answered as duplicates. */
export function duplicatesOf({ callbacks }: DemoRequest): number {
  const bodies = callbacks.map(({ answer }) => (answer && 'body' in answer ? answer.body : ''))
  return bodies.filter((body) => body.includes('"status":"duplicate"')).length
}
