import { bankOf, countedCode } from '../groups/group.ts'
import { type HistoryEvent, isOpen, type Request, type State } from '../request.ts'
import type { QuarantineCause } from '../transitions/on-callback.ts'

/** A request as it was stored before a change and after it, and the callbacks that the change put into quarantine. */
export interface CommittedChange {
  readonly before: Request
  readonly after: Request
  readonly kept: ReadonlyMap<string, QuarantineCause>
}

/** What one committed change of a request adds to the metrics. Durations are in ms. */
export interface Measured {
  readonly bank: string
  readonly decisions: readonly Decided[]
  /** From the start of its attempt until a callback came. */
  readonly latenciesMs: readonly number[]
  /** Null unless the change ended the request. */
  readonly ended: Ended | null
}

/** What was decided about an attempt, and why. Without a cause or a code these are ''. */
export interface Decided {
  readonly decision: string
  readonly cause: string
  readonly code: string
}

export interface Ended {
  readonly state: State
  readonly reason: string
  /** From its acceptance to its end. */
  readonly afterMs: number
}

/** The decision that an event of the history reports. Other events report none. */
const DECISIONS: ReadonlyMap<string, string> = new Map([
  ['delivered', 'deliver'],
  ['retry-scheduled', 'retry'],
  ['parked', 'park'],
  ['failed', 'fail']
])

/** Measures a change by the events that it added to the history. */
export function measureChange({ before, after }: Omit<CommittedChange, 'kept'>): Measured {
  const events = addedEvents(before, after)
  return {
    bank: bankOf(after.service),
    decisions: events.flatMap(decidedBy),
    latenciesMs: events.flatMap((event) => latencyOf(after, event)),
    ended: isOpen(before) ? endOf(after) : null
  }
}

function addedEvents(before: Request, after: Request): readonly HistoryEvent[] {
  const last = before.history.at(-1)
  return after.history.slice(last === undefined ? 0 : after.history.lastIndexOf(last) + 1)
}

function decidedBy({ event, cause, code, reason }: HistoryEvent): Decided[] {
  const decision = DECISIONS.get(event)
  if (decision === undefined) return []
  return [{ decision, cause: textOf(cause ?? reason) ?? '', code: countedCode(textOf(code)) }]
}

function textOf(detail: unknown): string | null {
  return typeof detail === 'string' ? detail : null
}

function latencyOf({ attempts }: Request, { event, attempt, at }: HistoryEvent): number[] {
  if (event !== 'callback') return []
  const sent = attempts.find(({ number }) => number === attempt)
  return sent === undefined ? [] : [Math.max(0, at - sent.sendingAt)]
}

function endOf({ state, reason, endedAt, requestedAt }: Request): Ended | null {
  if (endedAt === null) return null
  return { state, reason: reason ?? '', afterMs: Math.max(0, endedAt - requestedAt) }
}
