import type { Completeness, FailReason, RequestState } from '../schemas/generated.ts'
import type { Cause, ParkCause } from './error-cause.ts'

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

/**
 * Why a request is where it is: a cause, a way of ending, `ambiguous` (it may or may not have been sent),
 * `account-busy` (another request of the same account goes first), or `logon-probe` (another request tries the
 * same bank credentials, which were refused, first).
 */
export type Reason = Cause | FailReason | 'ambiguous' | 'account-busy' | 'logon-probe'

/** One POST to Khipu. Its cause is null until its failure is known. Instants are ms since 1970, by Redis's clock. */
export interface Attempt {
  readonly number: number
  readonly sendingAt: number
  /** The instant at which it was to be sent: that of the job which began it. */
  readonly dueAt: number
  readonly cause: Cause | null
  /** The name of the log-on that it was sent with, where one is known. */
  readonly logon?: string
  /** The id of the key that signed its capability. */
  readonly signedWith?: string
  /** Whether it tries bank credentials that were refused before. */
  readonly isProbe?: true
  /** Set where Khipu said that the bank refused its log-on, however late. Older documents lack it. */
  readonly refusedLogon?: true
  /** Set where Khipu's immediate answer could not be read, and its body is kept in quarantine. */
  readonly keptAnswer?: true
}

/** Which account a request is about, without telling which: keyed hashes, and as much as an operator may see. */
export interface Account {
  /** Of bank and account, or else log-on, whatever the product: requests that share it take turns. */
  readonly id: string
  /** Of the bank log-on that the request brings; null where Khipu alone knows it. */
  readonly credentials: string | null
  /** The last characters of the account's number: three at the most, none of a short one. */
  readonly endsWith: string
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

/** Since when and why a request is parked, and the instant before which it must not be sent all the same. */
export interface Parked {
  readonly at: number
  readonly cause: ParkCause
  readonly notBefore?: number
}

/** The ledger's document of one business request: the truth about it, without its secrets. */
export interface Request {
  readonly format: 1
  readonly requestId: string
  readonly service: string
  readonly reference: string | null
  /** Null where the request names no account and brings no log-on. */
  readonly account: Account | null
  /** What is known of the authorization that the request brought; null where the service's own is used. */
  readonly authorization: { readonly expiresAt: number | null } | null
  readonly state: State
  readonly reason: Reason | null
  /** Khipu's Error.Code of the failure that parked it; notifications can ask for it. */
  readonly code: string | null
  readonly requestedAt: number
  /** The instant of the next step, null where there is none. */
  readonly dueAt: number | null
  /** Of what is to be sent again: true where it was let go with others, at the pace of the policy. */
  readonly paced: boolean
  readonly parked: Parked | null
  /** When somebody released it last, or asked for its retry. */
  readonly releasedAt?: number
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

/** True where an attempt was begun, and nothing has come of it so far. */
export function isOnItsWay({ state }: Request): boolean {
  return state === 'sending' || state === 'awaiting-callback'
}

/** True where the next step is to send it, now or later. */
export function isToBeSent({ state }: Request): boolean {
  return state === 'queued' || state === 'retry-scheduled'
}

/** The name under which a refused log-on is remembered: its own, or that of the account where it isn't known; '' for none. */
export function credentialsOf({ account }: Request): string {
  return account?.credentials ?? account?.id ?? ''
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
