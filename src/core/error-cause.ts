import type { ParkReason } from '../schemas/generated.ts'
import type { Outcome } from './envelope.ts'

/** Why an attempt failed, if the policy allows a retry. */
export type RetryCause =
  'retry-immediately' | 'refused-logon' | 'wait-4-hours' | 'temporary' | 'no-callback'

/** Why an attempt failed, if a person must act before the next attempt. */
export type ParkCause = ParkReason

/** Why an attempt failed, if another attempt is useless. */
export type FailCause = 'do-not-retry' | 'rejected'

/** Why an attempt failed, if its deadline passed without an acceptable callback. */
export type SilentCause = 'no-callback' | 'quarantined' | 'unreadable-answer'

export type Cause = RetryCause | ParkCause | FailCause

type ErrorOutcome = Extract<Outcome, { type: 'error' }>

/** Khipu's documented Error.Type values. Other values are never interpreted. */
const CAUSE_BY_ERROR_TYPE: ReadonlyMap<string, Cause> = new Map<string, Cause>([
  ['RETRY_IMMEDIATELY', 'retry-immediately'],
  ['DO_NOT_RETRY', 'do-not-retry'],
  ['WAIT_4_HOURS_BEFORE_RETRY', 'wait-4-hours'],
  ['RETRY_AFTER_NOTIFICATION', 'retry-after-notification']
])

const CAUSE_BY_HTTP_STATUS: ReadonlyMap<number, Cause> = new Map<number, Cause>([
  [401, 'unauthorized'],
  [403, 'unauthorized'],
  [408, 'temporary'],
  [425, 'temporary'],
  [429, 'temporary']
])

/** Khipu's code for an expired, revoked or invalid token. */
const BAD_TOKEN_CODE = 'A000'
/** E100 to E199. A code that Khipu sends as a number lacks the letter. */
const REFUSED_LOGON_CODE = /^E?1[0-9]{2}$/

/**
 * The cause of an error envelope. A known Error.Type decides. Without a Type the code decides, if it reports rejected
 * bank credentials or a bad token. Otherwise the HTTP status of the immediate answer decides (null for a callback).
 */
export function causeOfError(error: ErrorOutcome, httpStatus: number | null): Cause {
  const { errorType, code } = error
  const cause = CAUSE_BY_ERROR_TYPE.get(errorType ?? '')
  const isRefused = isRefusedCredentials(code)
  if (isRefused && cause === 'retry-immediately') return 'refused-logon'
  if (cause !== undefined) return cause
  if (errorType !== null) return 'unknown-type'
  if (isRefused) return 'credentials'
  if (plainCode(code) === BAD_TOKEN_CODE) return 'unauthorized'
  return httpStatus === null ? 'unknown-type' : causeOfUntyped(httpStatus)
}

/**
 * True for Khipu's codes of rejected bank credentials. With each repetition the bank is closer to locking the account.
 */
export function isRefusedCredentials(code: string | null): boolean {
  return REFUSED_LOGON_CODE.test(plainCode(code))
}

/** Khipu does not guarantee the spelling of its codes, and an unrecognised code costs money. */
function plainCode(code: string | null): string {
  return (code ?? '').trim().toUpperCase()
}

function causeOfUntyped(httpStatus: number): Cause {
  const isRedirect = httpStatus >= 300 && httpStatus < 400
  return isRedirect ? 'unreadable-answer' : (causeOfHttpStatus(httpStatus) ?? 'unknown-type')
}

/** The cause of an HTTP status without a usable envelope; undefined for a status below 400. */
export function causeOfHttpStatus(httpStatus: number): Cause | undefined {
  if (httpStatus < 400) return undefined
  const cause = CAUSE_BY_HTTP_STATUS.get(httpStatus)
  return cause ?? (httpStatus >= 500 ? 'temporary' : 'rejected')
}
