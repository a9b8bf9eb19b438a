import type { Policy } from './policy.ts'
import type { Attempt, Request } from './request.ts'

/**
 * True if a request must not be sent again, even on an operator's demand: its POSTs or its tries of bank credentials
 * are used up.
 */
export function isUsedUp(request: Request, policy: Policy): boolean {
  return request.attempts.length >= policy.maxAttempts || hasUsedUpLogons(request, policy)
}

/**
 * True if the bank rejected the credentials of a request more often than the policy allows, whatever Khipu's Type was.
 */
export function hasUsedUpLogons(request: Request, { retry }: Policy): boolean {
  return refusedLogons(request) > retry['refused-logon'].maxRetries
}

/** How many of its attempts the bank has answered with rejected credentials. */
export function refusedLogons({ attempts }: Request): number {
  return attempts.filter(wasRefused).length
}

// In documents from before the field `refusedLogon` only the cause tells it.
function wasRefused({ refusedLogon, cause }: Attempt): boolean {
  return refusedLogon === true || cause === 'refused-logon'
}

/** The request with an attempt marked as rejected bank credentials; unchanged if it is marked already or unknown. */
export function markRefusedCredentials(request: Request, attemptNumber: number): Request {
  const attempt = request.attempts.find(({ number }) => number === attemptNumber)
  if (attempt === undefined || attempt.refusedLogon === true) return request
  const marked: Attempt = { ...attempt, refusedLogon: true }
  return { ...request, attempts: request.attempts.map((one) => (one === attempt ? marked : one)) }
}
