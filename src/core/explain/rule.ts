import { BUILT_IN_POLICY, type Policy } from '../policy.ts'
import type { Reason, Request } from '../request.ts'
import { RULE, type Text, WHY_STATE } from './texts.ts'

const DAY = 24 * 3_600_000

/** The row of the policy that decides about a request, or a rule that no policy changes. */
export interface Rule {
  readonly row: string
  readonly source: 'built-in' | 'policy-file'
  readonly text: Text
}

export function ruleFor({ state, reason }: Request, policy: Policy): Rule {
  const own = (row: string, text: Text): Rule => ({ row, source: 'built-in', text })
  if (reason === 'account-busy' || reason === 'logon-probe') return own(reason, RULE.turn)
  switch (state) {
    case 'queued':
      return own('send', RULE.send)
    case 'sending':
    case 'awaiting-callback':
      return own('deadline', RULE.deadline)
    case 'retry-scheduled':
      return retryRule(reason, policy) ?? own('send', RULE.send)
    case 'parked':
      return parkedRule(reason, policy) ?? own('parked', WHY_STATE.parked)
    case 'delivered':
    case 'failed':
    case 'cancelled':
      return own('ended', RULE.ended)
  }
}

function retryRule(reason: Reason | null, policy: Policy): Rule | null {
  const rules = new Map(Object.entries(policy.retry))
  const found = rules.get(reason ?? '')
  if (found === undefined || reason === null) return null
  const builtIn = new Map(Object.entries(BUILT_IN_POLICY.retry)).get(reason)
  const source = isSame(found, builtIn) ? 'built-in' : 'policy-file'
  return { row: reason, source, text: RULE.retry(found.maxRetries) }
}

function parkedRule(reason: Reason | null, policy: Policy): Rule | null {
  const ms = new Map(Object.entries(policy.parkedMaxMs)).get(reason ?? '')
  if (ms === undefined || reason === null) return null
  const builtIn = new Map(Object.entries(BUILT_IN_POLICY.parkedMaxMs)).get(reason)
  const source = ms === builtIn ? 'built-in' : 'policy-file'
  return { row: reason, source, text: RULE.parked(Math.round((ms / DAY) * 10) / 10) }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
