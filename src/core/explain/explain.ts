import type { Policy } from '../policy.ts'
import { isOnItsWay, isOpen, type Reason, type Request } from '../request.ts'
import { refusedLogons } from '../send-limits.ts'
import { type Action, actionsOn } from './actions.ts'
import { type Rule, ruleFor } from './rule.ts'
import { type Language, WHY, WHY_STATE } from './texts.ts'

/** Why a request is where it is, what comes next and what can be done. Codes are stable, texts are for people. */
export interface Explanation {
  readonly why: {
    readonly code: string
    readonly text: string
    /** The index of the event in the history that tells of it; null where none does. */
    readonly event: number | null
  }
  readonly rule: Omit<Rule, 'text'> & { readonly text: string }
  readonly next: Next
  readonly spent: Spent
  readonly actions: readonly Action[]
}

interface Next {
  /** In ms since 1970; null where nothing happens by itself. */
  readonly at: number | null
  readonly what: 'send' | 'await-callback' | 'none'
  /** What happens at that instant, or later, if nothing else does. */
  readonly otherwise: {
    readonly at: number
    readonly what: 'fail' | 'decide'
    readonly reason: Reason | null
  } | null
}

interface Spent {
  readonly attempts: number
  readonly mostAttempts: number
  readonly logons: number
  readonly mostLogons: number
}

/** Explains a request under a policy, at an instant of Redis's clock. */
export function explain(
  request: Request,
  policy: Policy,
  now: number,
  language: Language
): Explanation {
  const rule = ruleFor(request, policy)
  return {
    why: whyOf(request, language),
    rule: { ...rule, text: rule.text[language] },
    next: nextOf(request),
    spent: {
      attempts: request.attempts.length,
      mostAttempts: policy.maxAttempts,
      logons: refusedLogons(request),
      mostLogons: policy.retry['refused-logon'].maxRetries + 1
    },
    actions: actionsOn(request, policy, now, language)
  }
}

function whyOf({ state, reason, code, attempts, history }: Request, language: Language) {
  const { [language]: sentence } = reason === null ? WHY_STATE[state] : WHY[reason]
  const details = [
    ...(code === null || reason === null ? [] : [code]),
    ...(attempts.length === 0 ? [] : [`${ATTEMPT[language]} ${attempts.length}`])
  ]
  const text = details.length === 0 ? sentence : `${sentence} (${details.join(', ')})`
  return { code: reason ?? state, text, event: history.length === 0 ? null : history.length - 1 }
}

const ATTEMPT: Readonly<Record<Language, string>> = { en: 'attempt', es: 'intento' }

function nextOf(request: Request): Next {
  const { state, dueAt } = request
  if (!isOpen(request) || dueAt === null) return { at: null, what: 'none', otherwise: null }
  if (state === 'parked') {
    const otherwise = { at: dueAt, what: 'fail', reason: 'parked-too-long' } as const
    return { at: null, what: 'none', otherwise }
  }
  if (isOnItsWay(request)) {
    const otherwise = { at: dueAt, what: 'decide', reason: 'no-callback' } as const
    return { at: null, what: 'await-callback', otherwise }
  }
  return { at: dueAt, what: 'send', otherwise: null }
}
