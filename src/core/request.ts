import type { Completeness, FailReason, RequestState } from '../schemas/generated.ts'
import type { Cause, ParkCause } from './cause.ts'

export type State = RequestState
export type EndState = 'delivered' | 'failed' | 'cancelled'

/** Every state, in the order in which a request usually meets them. */
export const STATES: readonly State[] = [
  'queued',
  'sending',
  'awaiting-callback',
  'retry-scheduled',
  'parked',
  'delivered',
  'failed',
  'cancelled'
]

/** Why a request is where it is: a cause, a way of ending, or `ambiguous` (it may or may not have been sent). */
export type Reason = Cause | FailReason | 'ambiguous'

/** One POST to Khipu. Its cause is null until its failure is known. Instants are ms since 1970, by Redis's clock. */
export interface Attempt {
  readonly number: number
  readonly sendingAt: number
  /** The instant at which it was to be sent; its job carries the same. */
  readonly dueAt: number
  readonly cause: Cause | null
}

/** One line of a request's history. No payload, no secret, no account. */
export interface HistoryEvent {
  readonly at: number
  readonly event: string
  readonly attempt?: number
  readonly [detail: string]: unknown
}

/** Where the last envelope that came is kept in the ledger, and when it came. */
export interface Response {
  readonly body: string
  readonly receivedAt: number
}

/** The ledger's document of one business request: the truth about it, without its secrets. */
export interface Request {
  readonly format: 1
  readonly requestId: string
  readonly service: string
  readonly reference: string | null
  readonly state: State
  readonly reason: Reason | null
  /** Khipu's Error.Code of the failure that parked it; notifications can ask for it. */
  readonly code: string | null
  readonly requestedAt: number
  /** The instant of the next step, null where there is none. */
  readonly dueAt: number | null
  readonly parked: { readonly at: number; readonly cause: ParkCause } | null
  /** For how long it was parked before, in all. */
  readonly parkedMs: number
  readonly attempts: readonly Attempt[]
  /** What Khipu called the operation that it acknowledged or answered last. */
  readonly operationId: string | null
  readonly completeness: Completeness | null
  readonly response: Response | null
  readonly endedAt: number | null
  /** When its one result was seen on the downstream queue. */
  readonly publishedAt: number | null
  readonly history: readonly HistoryEvent[]
}

/** True until the request has ended. */
export function isOpen(request: Request): boolean {
  return request.endedAt === null
}

/** The attempt that was sent last, undefined before the first. */
export function latestAttempt(request: Request): Attempt | undefined {
  return request.attempts.at(-1)
}

const HISTORY_LIMIT = 200

/** Adds a line to the history; past the limit the oldest lines but the first give way. */
export function note(request: Request, event: HistoryEvent): Request {
  const history = [...request.history, event]
  return { ...request, history: history.toSpliced(1, Math.max(0, history.length - HISTORY_LIMIT)) }
}
