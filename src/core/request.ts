import type { Completeness, FailReason, RequestState } from '../schemas/generated.ts'
import type { Cause, ParkCause } from './error-cause.ts'

export type State = RequestState
export type LiveState = (typeof LIVE_STATES)[number]
export type EndState = (typeof END_STATES)[number]

/** The states of a request that has not ended, in their usual order. */
export const LIVE_STATES = [
  'queued',
  'sending',
  'awaiting-callback',
  'retry-scheduled',
  'parked'
] as const satisfies readonly State[]

/** The states that are final. */
export const END_STATES = ['delivered', 'failed', 'cancelled'] as const satisfies readonly State[]

/** Every state, in the usual order of a request. */
export const STATES: readonly State[] = [...LIVE_STATES, ...END_STATES]

/**
 * Why a request is in its state: a cause, a way of ending, or one of three more.
 * `ambiguous`: Khipu may or may not have received the POST.
 * `account-busy`: another request of the same account goes first.
 * `logon-probe`: another request first tries the same bank credentials, which the bank rejected.
 */
export type Reason = Cause | FailReason | 'ambiguous' | 'account-busy' | 'logon-probe'

/** One POST to Khipu. Its cause is null until its failure is known. Instants are ms since 1970, by Redis's clock. */
export interface Attempt {
  readonly number: number
  readonly sendingAt: number
  /** The planned instant of sending: that of the job which began the attempt. */
  readonly dueAt: number
  readonly cause: Cause | null
  /** The name of the bank credentials used, if they are known. */
  readonly logon?: string
  /** The id of the key that signed its callback token. */
  readonly signedWith?: string
  /** Whether the attempt tries bank credentials that were rejected before. */
  readonly isProbe?: true
  /** Set if Khipu reported that the bank rejected the bank credentials, however late. Older documents lack it. */
  readonly refusedLogon?: true
  /** Set if Khipu's immediate answer was unreadable and its body is kept in quarantine. */
  readonly keptAnswer?: true
}

/** The account of a request, as keyed hashes that do not reveal it, and the part that an operator may see. */
export interface Account {
  /**
   * Hash of bank and account, or of bank credentials if no account is named, for every product. Requests with the same
   * id are sent one at a time.
   */
  readonly id: string
  /** Hash of the bank credentials in the request; null if only Khipu knows them. */
  readonly credentials: string | null
  /** The last characters of the account number: at most three, none of a short number. */
  readonly endsWith: string
}

/** One line of a request's history. It has no payload, no secret and no account. */
export interface HistoryEvent {
  readonly at: number
  readonly event: string
  readonly attempt?: number
  readonly [detail: string]: unknown
}

/** The location of the last received envelope in the ledger, and its instant. */
export interface Response {
  readonly body: string
  readonly receivedAt: number
}

/** When and why a request was parked. Even after a release it must not be sent before `notBefore`. */
export interface Parked {
  readonly at: number
  readonly cause: ParkCause
  readonly notBefore?: number
}

/** The ledger's document of one business request: the system of record, without the request's secrets. */
export interface Request {
  readonly format: 1
  readonly requestId: string
  readonly service: string
  readonly reference: string | null
  /** Null if the request names no account and brings no bank credentials. */
  readonly account: Account | null
  /** The known facts about the authorization in the request; null if the service's own is used. */
  readonly authorization: { readonly expiresAt: number | null } | null
  readonly state: State
  readonly reason: Reason | null
  /** When it came into its state, in ms since 1970. Documents of older versions lack it. */
  readonly stateSince?: number
  /** Khipu's Error.Code of the failure that parked the request. Notifications can select by it. */
  readonly code: string | null
  readonly requestedAt: number
  /** The instant of the next step; null if there is none. */
  readonly dueAt: number | null
  /** True if the next attempt belongs to a group of released requests, which follow the pace of the policy. */
  readonly paced: boolean
  readonly parked: Parked | null
  /** When an operator last released the request, or asked for its retry. */
  readonly releasedAt?: number
  /** The total time of earlier parking. */
  readonly parkedMs: number
  readonly attempts: readonly Attempt[]
  /** Khipu's id of the latest acknowledged or answered operation. */
  readonly operationId: string | null
  readonly completeness: Completeness | null
  readonly response: Response | null
  readonly endedAt: number | null
  /** When its result was first known to be on the downstream queue. */
  readonly publishedAt: number | null
  readonly history: readonly HistoryEvent[]
}

/** True until the request has ended. */
export function isOpen(request: Request): boolean {
  return request.endedAt === null
}

/** True if an attempt has begun and has no outcome yet. */
export function isOnItsWay({ state }: Request): boolean {
  return state === 'sending' || state === 'awaiting-callback'
}

/** True if the next step is to send the request, now or later. */
export function isToBeSent({ state }: Request): boolean {
  return state === 'queued' || state === 'retry-scheduled'
}

/**
 * The name under which rejected bank credentials are stored: their own hash, or the account's if they are unknown. It
 * is '' if both are unknown.
 */
export function credentialsOf({ account }: Request): string {
  return account?.credentials ?? account?.id ?? ''
}

/** The latest attempt; undefined before the first one. */
export function latestAttempt(request: Request): Attempt | undefined {
  return request.attempts.at(-1)
}

const HISTORY_LIMIT = 200

/** Adds a line to the history. Over the limit the oldest lines are deleted, except the first. */
export function note(request: Request, event: HistoryEvent): Request {
  const history = [...request.history, event]
  return { ...request, history: history.toSpliced(1, Math.max(0, history.length - HISTORY_LIMIT)) }
}
