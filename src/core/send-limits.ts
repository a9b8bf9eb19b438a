import type { Policy } from './policy.ts'
import type { Attempt, Request } from './request.ts'

/** True where a request must not be sent again, even if an operator asks: its POSTs or its log-ons are used up. */
export function isUsedUp(request: Request, policy: Policy): boolean {
  return request.attempts.length >= policy.maxAttempts || hasUsedUpLogons(request, policy)
}

/** True where the bank refused as many log-ons of a request as the policy allows, whatever Khipu's Type was. */
export function hasUsedUpLogons({ attempts }: Request, { retry }: Policy): boolean {
  return attempts.filter(wasRefused).length > retry['refused-logon'].maxRetries
}

// Documents of before the mark tell it by the cause alone.
function wasRefused({ refusedLogon, cause }: Attempt): boolean {
  return refusedLogon === true || cause === 'refused-logon'
}

/** The request with an attempt marked as a refused log-on; unchanged where it is marked, or not known. */
export function markRefusedCredentials(request: Request, attemptNumber: number): Request {
  const attempt = request.attempts.find(({ number }) => number === attemptNumber)
  if (attempt === undefined || attempt.refusedLogon === true) return request
  const marked: Attempt = { ...attempt, refusedLogon: true }
  return { ...request, attempts: request.attempts.map((one) => (one === attempt ? marked : one)) }
}
