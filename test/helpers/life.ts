import { isDeepStrictEqual } from 'node:util'
import { type Callback, applyCallbacks } from '../../src/core/transitions/on-callback.ts'
import type { Cause, ParkCause } from '../../src/core/error-cause.ts'
import type { DecisionContext } from '../../src/core/decide.ts'
import type { Outcome } from '../../src/core/envelope.ts'
import { jobsOf } from '../../src/core/required-jobs.ts'
import { matches, type Notification } from '../../src/core/notification.ts'
import type { Policy } from '../../src/core/policy.ts'
import { resultOf } from '../../src/core/result-head.ts'
import type { HistoryEvent, Request, State } from '../../src/core/request.ts'
import type { KhipuEnvelope } from '../../src/schemas/generated.ts'
import { check } from '../../src/schemas/validate.ts'
import { MINUTE, queued } from './given.ts'
import type { Rules } from './rules.ts'

// Random lives of one request, led only through the public transitions, as the handlers lead them:
// whatever was received is applied first. What must hold is computed here from the policy's numbers
// and from what was done, never by asking the core.

export type Step = (request: Request, context: DecisionContext) => Request
/** Where each line of a history that changes the state leads. */
export const STATE_AFTER: ReadonlyMap<string, State> = new Map<string, State>([
  ['accepted', 'queued'],
  ['sending', 'sending'],
  ['acknowledged', 'awaiting-callback'],
  ['ambiguous', 'awaiting-callback'],
  ['retry-scheduled', 'retry-scheduled'],
  ['released', 'retry-scheduled'],
  ['retry-requested', 'retry-scheduled'],
  ['parked', 'parked'],
  ['delivered', 'delivered'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled']
])
/** The one job that each state needs. */
export const JOB_OF: Readonly<Record<State, string>> = {
  queued: 'send',
  'retry-scheduled': 'send',
  sending: 'deadline',
  'awaiting-callback': 'deadline',
  parked: 'deadline',
  delivered: 'result',
  failed: 'result',
  cancelled: 'result'
}
const PARK_CAUSES: readonly string[] = [
  'retry-after-notification',
  'unknown-type',
  'unauthorized',
  'credentials',
  'quarantined'
]
/** Khipu's codes of a refused log-on among those of these lives. */
const REFUSED_CODES: readonly unknown[] = ['E101', ' e199 ', '150']
const OTHER = 'another-request'

/** One life, with all that the model knows about it by itself. */
export class Life {
  request = freeze(queued())
  now = this.request.requestedAt
  random = 0
  /** What was received and not acted on. */
  pending: Callback[] = []
  readonly seen = new Set<string>()
  /** The attempts that Khipu has not answered. */
  readonly unanswered = new Set<number>()
  readonly notifications: Notification[] = []
  /** Until when another request of the account is on its way; null where none is. */
  busyUntil: number | null = null
  /** When the bank refused the log-on of this request to another one; null where it did not. */
  refusedAt: number | null = null
  /** Until when another request tries the refused credentials; null where none does. */
  probeUntil: number | null = null
  /** The latest attempt of which a callback was refused and kept; null where none was. */
  keptAttempt: number | null = null
  /** The notifications whose releases were not yet done. */
  releasing: Notification[] = []
  /** How often someone let it go from where it was, or would have been, parked. */
  letGo = 0
  /** The instant before which it may not be sent. */
  notBefore = this.now
  /** The attempts whose log-on the bank refused, as far as anybody has acted on it. */
  readonly refusedLogons = new Set<number>()
  /** The attempts whose immediate answer said that they failed. */
  readonly saidToFail = new Set<number>()
  /** The instant of every job that was ever asked for. */
  readonly jobs = new Map<string, number>()
  readonly rules: Rules

  constructor(rules: Rules) {
    this.rules = rules
  }

  context(): DecisionContext {
    const sendingAt = this.request.attempts.at(-1)?.sendingAt ?? Infinity
    const since = Math.min(sendingAt, this.refusedAt ?? Infinity)
    return freeze({
      policy: this.rules.policy,
      now: this.now,
      random: this.random,
      notifications: this.notifications.filter(({ at }) => at >= since),
      callbackTimeoutMs: 30 * MINUTE,
      authorizationExpiresAt: null,
      busyUntil: this.busyUntil,
      probeUntil: this.probeUntil,
      keptAttempt: this.keptAttempt,
      refused:
        this.refusedAt === null ? null : { requestId: OTHER, at: this.refusedAt, code: 'E101' }
    })
  }

  /** Load, apply what was received, step, commit. */
  advance(step: Step): { readonly before: Request; readonly after: Request } {
    const context = this.context()
    const before = this.request
    const received = this.pending
    this.pending = []
    for (const { attempt, outcome } of received) {
      const isRefusal = outcome.type === 'error' && REFUSED_CODES.includes(outcome.code)
      if (isRefusal) this.refusedLogons.add(attempt)
    }
    const folded = applyCallbacks(before, freeze(received), context)
    inspectFold(before, folded.request, received, folded.kept)
    const after = freeze(step(freeze(folded.request), context))
    this.request = after
    inspectStep(this, before, after)
    return { before: folded.request, after }
  }

  /** The process dies after it has decided, and before it commits: whoever comes next decides the same. */
  abandon(step: Step): void {
    const decide = () => {
      const context = this.context()
      return step(applyCallbacks(this.request, freeze(this.pending), context).request, context)
    }
    ensure(isDeepStrictEqual(decide(), decide()), 'the same must be decided again')
    this.pending = [...this.pending]
  }

  /** What differs in its outcome or its variant differs in its bytes. */
  receive(attempt: number, outcome: Outcome, variant: string, httpStatus: number | null): void {
    const id = `${attempt}.${variant}${JSON.stringify(outcome)}`
    if (this.seen.has(id)) return
    this.seen.add(id)
    this.pending.push({ id, attempt, receivedAt: this.now, size: 2, outcome, httpStatus })
  }
}

/** No callback is acted on without a trace: it counted, or it is kept, or its bytes are the ones that counted. */
function inspectFold(
  before: Request,
  after: Request,
  received: readonly Callback[],
  kept: ReadonlyMap<string, string>
): void {
  const lines = after.history.slice(before.history.length)
  for (const { id, attempt, outcome, receivedAt } of received) {
    const counted = lines.some(
      ({ event, at, attempt: of, outcome: type }) =>
        (event === 'callback' || event === 'answered') &&
        at === receivedAt &&
        of === attempt &&
        type === outcome.type
    )
    const superseded = lines.some(
      ({ event, at, attempt: of, keep }) =>
        event === 'callback-superseded' && keep === null && at === receivedAt && of === attempt
    )
    if (superseded && outcome.type === 'error' && after.state === 'delivered') continue
    const known = after.response !== null && hashOf(after.response.body) === hashOf(id)
    ensure(counted || kept.has(id) || known, `callback ${id} left no trace`)
  }
  const good = received
    .toSorted((a, b) => a.receivedAt - b.receivedAt)
    .filter(({ outcome }) => outcome.type === 'result')
  if (good.length === 0 || before.endedAt !== null) return
  ensure(after.state === 'delivered', 'a good result in hand must be delivered')
  ensure(after.response?.body === good[0]?.id, 'the first good result must win')
}

function inspectStep(life: Life, before: Request, after: Request): void {
  const lines = after.history.slice(before.history.length)
  inspectShape(after)
  inspectAttempts(before, after)
  if (before.endedAt === null) inspectDecisions(life, before, after, lines)
  else inspectEnded(before, after)
  if (after.state === 'parked') inspectParked(life, after)
  for (const { jobId, at } of jobsOf(after)) {
    ensure((life.jobs.get(jobId) ?? at) === at, 'another instant must be another job')
    life.jobs.set(jobId, at)
  }
  ensure(after.attempts.length <= life.rules.policy.maxAttempts, 'it cost more POSTs than it may')
  const most = Object.values(life.rules.mostRetries).reduce((sum, most) => sum + most, 1)
  ensure(after.attempts.length <= most + life.letGo, 'it was sent more often than is allowed')
  for (const [cause, mostRetries] of Object.entries(life.rules.mostRetries)) {
    const retried = after.attempts.slice(0, -1).filter((attempt) => attempt.cause === cause)
    ensure(retried.length <= mostRetries, `it was retried too often for ${cause}`)
  }
}

/** What must be so of a request, wherever it comes from. */
export function inspectShape(request: Request): void {
  const { state, dueAt, endedAt, parked, parkedMs, history } = request
  const jobs = jobsOf(request)
  const types = jobs.map(({ type }) => type).join()
  if (endedAt === null) {
    ensure(Number.isSafeInteger(dueAt), 'an open request must have a due instant')
    const isPaced = request.paced && JOB_OF[state] === 'send'
    const wanted = isPaced ? 'paced' : JOB_OF[state]
    ensure(types === wanted && wanted !== 'result', 'an open request needs its job')
    ensure(jobs[0]?.at === dueAt, 'a job must be due with its request')
  } else {
    ensure(JOB_OF[state] === 'result', 'only an end state has an end')
    ensure(dueAt === null, 'an ended request must not be due')
    ensure(
      types === (request.publishedAt === null ? 'result' : ''),
      'only its result is to be done'
    )
    ensure(
      jobs.every(({ jobId }) => jobId === request.requestId),
      'a result must have the id of its request'
    )
    inspectResult(request)
  }
  const changing = history.filter(({ event }) => STATE_AFTER.has(event))
  const last = changing.at(-1)
  // What was released before it was ever sent is queued again while it waits for the probe.
  const isQueuedAgain = state === 'queued' && request.attempts.length === 0 && request.paced
  const explained = isQueuedAgain ? 'retry-scheduled' : state
  const isExplained = [state, explained].includes(STATE_AFTER.get(last?.event ?? '') ?? 'parked')
  ensure(isExplained, 'the history must explain the state')
  if (endedAt !== null) {
    ensure(last?.at === endedAt, 'the history must tell when it ended')
    ensure((last['reason'] ?? null) === request.reason, 'the history must tell why it ended')
  }
  ensure(history[0]?.event === 'accepted', 'the history must begin with the acceptance')
  ensure((parked !== null) === (state === 'parked'), 'parked must be said of what is parked')
  ensure(parkedMs === parkedTimeOf(history), 'the time parked must be what the history tells')
  ensure(isDeepStrictEqual(JSON.parse(JSON.stringify(request)), request), 'it must fit in JSON')
}

function inspectAttempts(before: Request, after: Request): void {
  ensure(
    after.attempts.every(({ number }, index) => number === index + 1),
    'attempts must be numbered one after the other'
  )
  const added = after.attempts.length - before.attempts.length
  ensure(added === 0 || added === 1, 'a step sends at most once')
  for (const [index, was] of before.attempts.entries()) {
    const is = after.attempts[index]
    const isLatest = index === before.attempts.length - 1
    const calledBack = before.response?.body.startsWith(`${was.number}.`) === true
    const news = isLatest && (was.cause === null || !calledBack)
    // A refused log-on counts however late it is told.
    const marked = is?.refusedLogon === true ? { ...was, refusedLogon: true } : was
    ensure(news || isDeepStrictEqual(is, marked), 'an attempt that is over must not change')
    ensure(is?.sendingAt === was.sendingAt, 'when it was sent must not change')
  }
}

/** Whether Khipu, or the deadline, had a last word on an attempt: else Khipu may still be at work on it. */
function isOver({ saidToFail }: Life, { history }: Request, attempt: number): boolean {
  const lastWords = ['callback', 'answered', 'deadline-passed']
  const heard = history.some((line) => line.attempt === attempt && lastWords.includes(line.event))
  return attempt === 0 || saidToFail.has(attempt) || heard
}

/** After the end nothing changes but the history, and once whether the result was published. */
function inspectEnded(before: Request, after: Request): void {
  const { history: _was, publishedAt: wasPublished, ...was } = before
  const { history: _is, publishedAt: isPublished, ...is } = after
  ensure(isDeepStrictEqual(is, was), 'an ended request must not change')
  ensure(wasPublished === null || isPublished === wasPublished, 'it was published twice')
}

/** Holds every new line of the history against the policy's numbers. */
function inspectDecisions(
  life: Life,
  before: Request,
  after: Request,
  lines: readonly HistoryEvent[]
): void {
  for (const [index, line] of lines.entries()) {
    const previous = lines[index - 1]
    const failedAt =
      previous !== undefined && ['callback', 'answered', 'deadline-passed'].includes(previous.event)
        ? previous.at
        : line.at
    if (line.event === 'retry-scheduled') inspectRetry(life, after, line, failedAt)
    if (line.event === 'retry-requested' || line.event === 'released') {
      const earlier = lines.slice(0, index).findLast(({ event }) => STATE_AFTER.has(event))
      if ((STATE_AFTER.get(earlier?.event ?? '') ?? before.state) === 'parked') life.letGo += 1
      // What was parked before this step, and by it was not parked otherwise.
      if (line.event === 'released' && earlier === undefined) {
        const { notBefore = 0 } = before.parked ?? {}
        ensure((after.dueAt ?? 0) >= notBefore, 'a release must not be sooner than the policy says')
      }
      life.notBefore = line.event === 'released' ? (after.dueAt ?? line.at) : line.at
    }
    if (line.event === 'sending') {
      ensure(line.at >= life.notBefore, 'it was sent too early')
      inspectHindrances(life, before, line)
      ensure(!isUsedUp(life, before), 'it was one POST, or one log-on, more than it may cost')
      const latest = after.attempts.at(-2)
      const isUnread = latest?.cause === 'no-callback' && latest.number === life.keptAttempt
      ensure(!isUnread, 'it was sent again though a callback waits in quarantine')
      ensure(isOver(life, after, after.attempts.length - 1), 'it was sent again blindly')
      const age = line.at - after.requestedAt - after.parkedMs
      ensure(age <= life.rules.policy.requestMaxAgeMs, 'it was sent though it had expired')
      life.unanswered.add(after.attempts.length)
    }
    if (line.event === 'failed') inspectFailure(life, after, line)
  }
}

/** Nothing is sent while another one of its account is, with what has expired, or with a log-on that was refused. */
function inspectHindrances(life: Life, { authorization, account }: Request, line: HistoryEvent) {
  ensure(life.busyUntil === null, 'it was sent while another of its account was on its way')
  const expiresAt = authorization?.expiresAt ?? Infinity
  ensure(expiresAt > line.at, 'it was sent with an authorization that had expired')
  const { refusedAt, notifications } = life
  if (refusedAt === null) return
  // Where only the account is known it may have come with another log-on.
  const isOther = account?.credentials === null && life.request.requestedAt > refusedAt
  const { releasedAt = 0 } = life.request
  const isPermitted = [releasedAt, ...notifications.map(({ at }) => at)].some(
    (at) => at >= refusedAt
  )
  ensure(isOther || isPermitted, 'it was sent with a log-on that the bank had refused')
  ensure(isOther || life.probeUntil === null, 'it was sent while another tried that log-on')
}

function inspectRetry(life: Life, after: Request, line: HistoryEvent, failedAt: number): void {
  const { policy } = life.rules
  const cause = String(line['cause'])
  if (PARK_CAUSES.includes(cause)) {
    const known = life.notifications.some(
      (each) => each.at >= failedAt && matches(each, parkableOf(after, line))
    )
    ensure(known, 'it was not parked, and nobody had given notice')
    life.letGo += 1
    life.notBefore = line.at
    return
  }
  const rule = policy.retry[cause as keyof Policy['retry']]
  const before = after.attempts.filter(
    (attempt) => attempt.number < Number(line.attempt) && attempt.cause === cause
  ).length
  const delay = rule.delaysMs[Math.min(before, rule.delaysMs.length - 1)] ?? 0
  const jitter = 'share' in rule.jitter ? delay * rule.jitter.share : rule.jitter.upToMs
  const due =
    after.state === 'retry-scheduled' && after.history.at(-1) === line ? after.dueAt : null
  life.notBefore = failedAt + delay
  if (due === null) return
  const latest = failedAt + Math.max(delay + jitter, rule.retryAfterMaxMs) + 1
  ensure(due >= life.notBefore && due <= latest, 'a retry must be due when the policy says')
}

function inspectFailure(life: Life, request: Request, line: HistoryEvent) {
  const { reason, attempts, ...after } = request
  const cause = line['cause']
  const { requestMaxAgeMs } = life.rules.policy
  const spent = (of: unknown) =>
    attempts.filter((attempt) => attempt.cause === of).length ===
    (life.rules.mostRetries[String(of)] ?? NaN) + 1
  const grounds: Readonly<Record<string, boolean>> = {
    'do-not-retry': cause === 'do-not-retry',
    rejected: cause === 'rejected',
    expired: line.at - after.requestedAt - after.parkedMs > requestMaxAgeMs,
    'retries-exhausted': (cause !== 'no-callback' && spent(cause)) || isUsedUp(life, request),
    'no-callback': cause === 'no-callback' && spent(cause),
    'parked-too-long': after.history.at(-2)?.event !== 'sending'
  }
  ensure(grounds[String(reason)] === true, `it failed as ${reason} without grounds`)
}

/** Whatever notice came since the failure must be on its way to let it go: else it waits for ever. */
function inspectParked(life: Life, request: Request): void {
  const index = request.history.findLastIndex(({ event }) => event === 'parked')
  const line = request.history[index]
  const before = request.history[index - 1]
  if (line === undefined || request.parked === null) return
  const most = life.rules.policy.parkedMaxMs[request.parked.cause]
  ensure(request.dueAt === line.at + most, 'it must be parked for as long as the policy says')
  // No notification releases what must not be sent again.
  if (isUsedUp(life, request)) return
  const wasReceived = before?.event === 'callback' || before?.event === 'answered'
  const failedAt = wasReceived ? before.at : line.at
  // What was known before it expired does not count.
  const isExpired = request.parked.cause === 'authorization-expired'
  const missed = life.notifications.filter(
    (each) =>
      each.at >= (isExpired ? line.at + 1 : failedAt) &&
      matches(each, parkableOf(request, line)) &&
      !life.releasing.includes(each)
  )
  ensure(missed.length === 0, 'it waits for a notification that has come already')
}

/** True where its POSTs or its log-ons are used up. */
function isUsedUp({ rules, refusedLogons }: Life, { attempts }: Request): boolean {
  const mostRefused = rules.mostRetries['refused-logon'] ?? NaN
  return attempts.length >= rules.policy.maxAttempts || refusedLogons.size > mostRefused
}

function inspectResult(request: Request): void {
  const failed = request.response !== null && request.state !== 'delivered'
  const envelope: KhipuEnvelope = { OperationId: 'x', Status: failed ? 'ERROR' : 'OK', Data: {} }
  const made = { ...resultOf(request), deviations: [], response: request.response && envelope }
  ensure(check('result', made).valid, `a result must fit its schema: ${JSON.stringify(made)}`)
}

function parkableOf({ requestId, service }: Request, line: HistoryEvent) {
  const code = typeof line['code'] === 'string' ? line['code'] : null
  return { requestId, service, code, cause: line['cause'] as ParkCause & Cause }
}

/** How long it was parked before, from its history alone. */
function parkedTimeOf(history: readonly HistoryEvent[]): number {
  let since: number | null = null
  let total = 0
  for (const { event, at } of history) {
    if (!STATE_AFTER.has(event)) continue
    if (since !== null) total += at - since
    since = event === 'parked' ? at : null
  }
  return total
}

function hashOf(id: string): string {
  return id.replace(/^\d+\./, '')
}

/** Frozen through and through, so that a step that changes what it is given throws. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) freeze(child)
  }
  return value
}

export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}
