import type { Callback } from './callbacks.ts'
import { isRefusedLogon } from './cause.ts'
import type { RefusedLogon } from './decide.ts'
import { logonOf, type Request } from './request.ts'

/** What a change of a request says of a log-on, by the name under which that is remembered. */
export type Verdict =
  | { readonly type: 'refused'; readonly logon: string; readonly refused: RefusedLogon }
  | { readonly type: 'trusted'; readonly logon: string }

/**
 * A log-on is refused where Khipu said so (Code E1xx), of any attempt and however late; it is to be trusted
 * where a result came of it, or somebody let go a request that was parked for it. Null where nothing is said.
 */
export function verdictOnLogon(
  before: Request,
  after: Request,
  received: readonly Callback[]
): Verdict | null {
  if (after.state === 'delivered' && before.state !== 'delivered') {
    const { attempt } = received.find(({ id }) => id === after.response?.body) ?? {}
    return trusted(sentWith(after, attempt ?? after.attempts.length))
  }
  const refusal = received.findLast(
    ({ outcome }) => outcome.type === 'error' && isRefusedLogon(outcome.code)
  )
  if (refusal !== undefined) return refusedBy(after, refusal)
  const released = before.parked?.cause === 'credentials' && after.state === 'retry-scheduled'
  return released && logonOf(after) === logonOf(before) ? trusted(logonOf(before)) : null
}

function refusedBy(request: Request, { attempt, outcome, receivedAt: at }: Callback) {
  const logon = sentWith(request, attempt)
  const code = outcome.type === 'error' ? (outcome.code ?? '') : ''
  const refused = { requestId: request.requestId, at, code }
  return logon === '' ? null : ({ type: 'refused', logon, refused } as const)
}

function trusted(logon: string): Verdict | null {
  return logon === '' ? null : { type: 'trusted', logon }
}

function sentWith({ attempts }: Request, number: number): string {
  return attempts.find((attempt) => attempt.number === number)?.logon ?? ''
}
