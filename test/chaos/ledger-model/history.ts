import type { Policy } from '../../../src/core/policy.ts'
import type { HistoryEvent, Request } from '../../../src/core/request.ts'
import type { Rules } from '../../helpers/rules.ts'
import type { Post } from './journal.ts'

const HEARD: ReadonlySet<string> = new Set(['callback', 'answered', 'deadline-passed'])
const SAID_TO_FAIL: ReadonlySet<string> = new Set(['401', '400', '503', 'lost-before'])
/** Khipu's Retry-After of a 503 in this model. */
const RETRY_AFTER_MS = 120_000

/**
 * Holds the history of a request against the policy's numbers: nothing is sent too early, too often, or blindly.
 * `posts` is what Khipu knows of it.
 */
export function inspectHistory(request: Request, posts: readonly Post[], rules: Rules): void {
  const { history, attempts, requestId } = request
  const own = posts.filter((post) => post.requestId === requestId)
  let notBefore = 0
  let sent = 0
  for (const [index, line] of history.entries()) {
    if (line.event === 'retry-scheduled') {
      notBefore = earliest(request, line, history[index - 1], own, rules.policy)
    }
    if (line.event === 'released' || line.event === 'retry-requested') notBefore = line.at
    if (line.event !== 'sending') continue
    if (line.at < notBefore) throw new Error(`it was sent ${notBefore - line.at} ms too early`)
    if (sent > 0 && !isOver(sent, history.slice(0, index), own)) {
      throw new Error('it was sent again blindly')
    }
    sent += 1
  }
  if (sent > rules.policy.maxAttempts) throw new Error('it cost more POSTs than it may')
  if (sent !== attempts.length) throw new Error('the history must tell of every attempt')
  for (const [cause, most] of Object.entries(rules.mostRetries)) {
    const retried = attempts.slice(0, -1).filter((attempt) => attempt.cause === cause)
    if (retried.length > most) throw new Error(`it was retried too often for ${cause}`)
  }
}

/** The instant before which the policy does not let a retry go. */
function earliest(
  { attempts }: Request,
  line: HistoryEvent,
  before: HistoryEvent | undefined,
  posts: readonly Post[],
  policy: Policy
): number {
  const cause = String(line['cause'])
  const rule = policy.retry[cause as keyof Policy['retry']] as
    Policy['retry']['temporary'] | undefined
  const post = posts.find(({ attempt }) => attempt === line.attempt)
  const failedAt = before !== undefined && HEARD.has(before.event) ? before.at : post?.answeredAt
  // Parked, had it not been for a notification.
  if (rule === undefined) return failedAt ?? 0
  const retries = attempts.filter(
    (attempt) => attempt.number < Number(line.attempt) && attempt.cause === cause
  ).length
  const delay = rule.delaysMs[Math.min(retries, rule.delaysMs.length - 1)] ?? 0
  const isAsked = post?.said === '503' && failedAt === post.answeredAt && cause === 'temporary'
  const asked = isAsked ? Math.min(RETRY_AFTER_MS, rule.retryAfterMaxMs) : 0
  return (failedAt ?? 0) + Math.max(delay, asked)
}

/** Whether Khipu, or the deadline, had a last word on an attempt: else Khipu may still be at work on it. */
function isOver(number: number, history: readonly HistoryEvent[], posts: readonly Post[]): boolean {
  const said = posts.find(({ attempt }) => attempt === number)?.said ?? ''
  return (
    SAID_TO_FAIL.has(said) ||
    history.some(({ event, attempt }) => attempt === number && HEARD.has(event))
  )
}
