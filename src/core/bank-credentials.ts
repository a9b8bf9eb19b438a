import type { Callback } from './transitions/on-callback.ts'
import { isRefusedCredentials } from './error-cause.ts'
import type { RefusedCredentials } from './decide.ts'
import { isOnItsWay, latestAttempt, credentialsOf, type Request } from './request.ts'

/** What a change of a request reveals about bank credentials. `logon` is the name under which it is stored. */
export type CredentialsVerdict =
  | { readonly type: 'refused'; readonly logon: string; readonly refused: RefusedCredentials }
  | { readonly type: 'trusted'; readonly logon: string }
  /** The attempt that tried rejected bank credentials ended without proof. */
  | { readonly type: 'unproven'; readonly logon: string; readonly refused: RefusedCredentials }

/**
 * What the change of a request reveals about its bank credentials, or null.
 * They are refused if Khipu reported Code E1xx, for any attempt and however late. They are trusted if Khipu sent a
 * result, or Code E3xx: without data, the bank has still accepted the login (assumed).
 * `refused` is the stored rejection of the request's bank credentials.
 */
export function verdictOnCredentials(
  before: Request,
  after: Request,
  received: readonly Callback[],
  refused: RefusedCredentials | null = null
): CredentialsVerdict | null {
  const isOpen = before.endedAt === null
  const winner = received.find(({ outcome }) => outcome.type === 'result')
  if (winner !== undefined && isOpen) return trusted(sentWith(after, winner))
  const conclusive = received.filter((one) => isRefusal(one) || (isOpen && isWithoutData(one)))
  const latest = conclusive.at(-1)
  if (latest !== undefined) {
    return isRefusal(latest) ? refusedBy(after, latest) : trusted(sentWith(after, latest))
  }
  return refused === null ? null : unproven(before, after, refused)
}

const NO_DATA_CODE = /^\s*E?3\d\d\s*$/i

function isWithoutData({ outcome }: Callback): boolean {
  return outcome.type === 'error' && NO_DATA_CODE.test(outcome.code ?? '')
}

type Refusal = Callback & { readonly outcome: { readonly code: string } }

function isRefusal(callback: Callback): callback is Refusal {
  return callback.outcome.type === 'error' && isRefusedCredentials(callback.outcome.code)
}

function refusedBy(request: Request, refusal: Refusal): CredentialsVerdict | null {
  const logon = sentWith(request, refusal)
  const { requestId } = request
  const { receivedAt: at, outcome } = refusal
  return logon === ''
    ? null
    : { type: 'refused', logon, refused: { requestId, at, code: outcome.code } }
}

function trusted(logon: string): CredentialsVerdict | null {
  return logon === '' ? null : { type: 'trusted', logon }
}

/** The largest number of probes that a policy can allow after one notification. */
const MOST_REMEMBERED = 100

function unproven(
  before: Request,
  after: Request,
  refused: RefusedCredentials
): CredentialsVerdict | null {
  const attempt = latestAttempt(before)
  if (attempt?.isProbe !== true || !isOnItsWay(before)) return null
  if (isOnItsWay(after) && latestAttempt(after)?.number === attempt.number) return null
  // The request has received other bank credentials. The stored rejection concerns those.
  if (attempt.logon !== credentialsOf(before)) return null
  const probedAt = [...(refused.probedAt ?? []), attempt.sendingAt].slice(-MOST_REMEMBERED)
  return { type: 'unproven', logon: attempt.logon, refused: { ...refused, probedAt } }
}

function sentWith({ attempts }: Request, { attempt }: Callback): string {
  return attempts.find(({ number }) => number === attempt)?.logon ?? ''
}
