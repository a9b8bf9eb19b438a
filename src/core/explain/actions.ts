import type { Policy } from '../policy.ts'
import { isOnItsWay, isOpen, latestAttempt, type Request } from '../request.ts'
import { isUsedUp } from '../send-limits.ts'
import { mayRetryNow } from '../transitions/on-operator.ts'
import { type Language, type Text, WARNING } from './texts.ts'

/** A call that an operator can make about a request. */
export interface Action {
  readonly name: 'retry' | 'authorization' | 'cancel'
  readonly method: 'POST' | 'PUT'
  readonly href: string
  readonly allowed: boolean
  readonly warning: string | null
}

/** The calls about a request, each with whether it is allowed now. */
export function actionsOn(
  request: Request,
  policy: Policy,
  now: number,
  language: Language
): readonly Action[] {
  const { requestId } = request
  const call = (
    name: Action['name'],
    method: Action['method'],
    allowed: boolean,
    warning?: Text
  ): Action => ({
    name,
    method,
    href: `/v1/requests/${requestId}/${name}`,
    allowed,
    warning: allowed && warning !== undefined ? warning[language] : null
  })
  return [
    call(
      'retry',
      'POST',
      mayRetryNow(request) && !isUsedUp(request, policy),
      retryWarning(request, now)
    ),
    call('authorization', 'PUT', isOpen(request)),
    call('cancel', 'POST', isOpen(request), isOnItsWay(request) ? WARNING.paid : undefined)
  ]
}

function retryWarning(request: Request, now: number): Text | undefined {
  const { parked, reason, dueAt } = request
  const wasRefused = latestAttempt(request)?.refusedLogon === true
  if (reason === 'credentials' || reason === 'refused-logon' || wasRefused) return WARNING.refused
  const notBefore = parked?.notBefore ?? (reason === 'wait-4-hours' ? dueAt : null)
  return notBefore !== null && notBefore > now ? WARNING.early : undefined
}
