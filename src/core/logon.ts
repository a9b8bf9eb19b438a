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
  const winner = received.find(({ outcome }) => outcome.type === 'result')
  if (winner !== undefined && before.endedAt === null) return trusted(sentWith(after, winner))
  const refusal = received.filter(isRefusal).at(-1)
  if (refusal !== undefined) return refused(after, refusal)
  const released = before.parked?.cause === 'credentials' && after.state === 'retry-scheduled'
  return released && logonOf(after) === logonOf(before) ? trusted(logonOf(before)) : null
}

type Refusal = Callback & { readonly outcome: { readonly code: string } }

function isRefusal(callback: Callback): callback is Refusal {
  return callback.outcome.type === 'error' && isRefusedLogon(callback.outcome.code)
}

function refused(request: Request, refusal: Refusal): Verdict | null {
  const logon = sentWith(request, refusal)
  const { requestId } = request
  const { receivedAt: at, outcome } = refusal
  return logon === ''
    ? null
    : { type: 'refused', logon, refused: { requestId, at, code: outcome.code } }
}

function trusted(logon: string): Verdict | null {
  return logon === '' ? null : { type: 'trusted', logon }
}

function sentWith({ attempts }: Request, { attempt }: Callback): string {
  return attempts.find(({ number }) => number === attempt)?.logon ?? ''
}
