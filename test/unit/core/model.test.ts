import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { applyCallbacks } from '../../../src/core/transitions/on-callback.ts'
import type { ParkCause } from '../../../src/core/error-cause.ts'
import { applyDeadline } from '../../../src/core/transitions/on-deadline.ts'
import type { Outcome } from '../../../src/core/envelope.ts'
import { matches, type Notification } from '../../../src/core/notification.ts'
import { authorize, cancel, release, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { markPublished } from '../../../src/core/result-head.ts'
import { applyAnswer, beginSending } from '../../../src/core/transitions/on-send.ts'
import { isUsedUp } from '../../../src/core/send-limits.ts'
import {
  ACCOUNT,
  acknowledged,
  AMBIGUOUS,
  bare,
  error,
  HOUR,
  ID,
  MINUTE,
  DAY,
  notification,
  REJECTED,
  REQUEST_TIMEOUT,
  result,
  SECOND,
  SERVICE,
  temporary,
  UNAUTHORIZED
} from '../../helpers/given.ts'
import { ensure, JOB_OF, Life, type Step } from '../../helpers/life.ts'
import { BUILT_IN, type Rules, STRICT } from '../../helpers/rules.ts'

/** How long after its release a request is sent: they are paced. */
const PACE_MS = 300

const texts = (...values: (string | null)[]) => fc.constantFrom(...values)
const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  { arbitrary: fc.constant(result()), weight: 1 },
  { arbitrary: fc.constant(result({ completeness: 'empty', operationId: null })), weight: 1 },
  {
    arbitrary: fc
      .record({
        type: texts(
          ...Array<string>(12).fill('RETRY_IMMEDIATELY'),
          ...Array<string>(6).fill('WAIT_4_HOURS_BEFORE_RETRY'),
          ...Array<string>(6).fill('RETRY_AFTER_NOTIFICATION'),
          'DO_NOT_RETRY',
          'constructor',
          null
        ),
        code: texts('E201', 'E201', 'E201', 'E201', 'E101', ' e199 ', '150', 'A000', null)
      })
      .map(({ type, code }) => error(type, { code })),
    weight: 40
  }
)
const answers = fc.oneof(
  { arbitrary: fc.constantFrom(acknowledged({ operationId: 'op' }), AMBIGUOUS), weight: 6 },
  { arbitrary: texts('PT10M', 'soon', '90s', null).map(acknowledgedWithin), weight: 3 },
  { arbitrary: fc.constantFrom(null, 500, 5 * MINUTE, 9 * HOUR).map(temporary), weight: 12 },
  { arbitrary: fc.constantFrom(UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED, REJECTED), weight: 2 }
)
const filters: fc.Arbitrary<Partial<Notification>> = fc.oneof(
  fc.constant({}),
  fc.record(
    {
      service: fc.constantFrom(SERVICE, 'cl/other'),
      code: texts('E201', 'E101', 'A000'),
      reason: fc.constantFrom<ParkCause>(
        'retry-after-notification',
        'unknown-type',
        'unauthorized',
        'credentials',
        'quarantined'
      ),
      requestIds: fc.constantFrom([ID], ['other'])
    },
    { requiredKeys: [] }
  )
)

/** Something that happens to the request, as data: what fast-check prints when a life goes wrong. */
type Happening =
  | { readonly type: 'time'; readonly ms: number }
  | { readonly type: 'due'; readonly lateMs: number; readonly evenIfParked: boolean }
  | { readonly type: 'send' | 'deadline' | 'act' | 'publish' | 'release' }
  | { readonly type: 'answer'; readonly pick: number; readonly answer: SimpleAnswer }
  | {
      readonly type: 'callback'
      readonly pick: number
      readonly outcome: Outcome
      readonly variant: string
      readonly httpStatus: number | null
    }
  | { readonly type: 'notify'; readonly filter: Partial<Notification> }
  | { readonly type: 'cancel' | 'retry' }
  | { readonly type: 'authorize'; readonly lastsMs: number | null; readonly logon: string | null }
  /** Another request of the account is on its way for that long, or not at all. */
  | { readonly type: 'busy'; readonly forMs: number | null }
  /** The bank refuses the log-on to another request that comes with it, or takes it again. */
  | { readonly type: 'refused' | 'trusted' }
  /** Another request tries the refused log-on for that long, or none does. */
  | { readonly type: 'probe'; readonly forMs: number | null }
  /** A callback of an attempt is refused, and kept in quarantine. */
  | { readonly type: 'kept'; readonly pick: number }
  /** A process dies between its decision and its commit. */
  | { readonly type: 'crash'; readonly in: 'send' | 'deadline' | 'callback' | 'publish' }
type SimpleAnswer = Parameters<typeof applyAnswer>[2]

const picks = fc.nat({ max: 7 })
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  {
    arbitrary: fc.record({
      type: fc.constant('time' as const),
      ms: fc.constantFrom(1, 1, 999, 999, SECOND, SECOND, MINUTE, MINUTE, HOUR, 5 * HOUR, 2 * DAY)
    }),
    weight: 4
  },
  {
    arbitrary: fc.record({
      type: fc.constant('due' as const),
      lateMs: fc.constantFrom(-1, 0, 0, 0, 1),
      evenIfParked: fc.nat({ max: 15 }).map((nth) => nth === 15)
    }),
    weight: 14
  },
  {
    arbitrary: fc.record({
      type: fc.constantFrom('send', 'send', 'act', 'deadline', 'publish', 'release', 'release')
    }),
    weight: 14
  },
  {
    arbitrary: fc.record({ type: fc.constant('answer' as const), pick: picks, answer: answers }),
    weight: 7
  },
  {
    arbitrary: fc.record({
      type: fc.constant('callback' as const),
      pick: fc.oneof(fc.constant(0), picks),
      outcome: outcomes,
      variant: fc.constantFrom('a', 'b'),
      httpStatus: fc.constantFrom(null, null, null, 200, 401, 500)
    }),
    weight: 8
  },
  { arbitrary: fc.record({ type: fc.constant('notify' as const), filter: filters }), weight: 4 },
  {
    arbitrary: fc.record({
      type: fc.constantFrom('retry', 'retry', 'retry', 'retry', 'retry', 'retry', 'cancel')
    }),
    weight: 2
  },
  {
    arbitrary: fc.record({
      type: fc.constant('authorize' as const),
      lastsMs: fc.constantFrom(null, null, HOUR, 6 * HOUR),
      logon: texts('logon-1', 'logon-2', null)
    }),
    weight: 2
  },
  {
    arbitrary: fc.record({
      type: fc.constant('busy' as const),
      forMs: fc.constantFrom(null, null, null, 1, MINUTE)
    }),
    weight: 3
  },
  { arbitrary: fc.record({ type: fc.constant('kept' as const), pick: picks }), weight: 1 },
  {
    arbitrary: fc.record({
      type: fc.constant('probe' as const),
      forMs: fc.constantFrom(null, 1, MINUTE)
    }),
    weight: 2
  },
  {
    arbitrary: fc.record({ type: fc.constantFrom('refused', 'trusted', 'trusted') }),
    weight: 2
  },
  {
    arbitrary: fc.record({
      type: fc.constant('crash' as const),
      in: fc.constantFrom('send', 'deadline', 'callback', 'publish')
    }),
    weight: 3
  }
) as fc.Arbitrary<Happening>

function happen(life: Life, happening: Happening): void {
  switch (happening.type) {
    case 'time':
      life.now += happening.ms
      return
    case 'due':
      if (life.request.state === 'parked' && !happening.evenIfParked) return
      life.now = Math.max(life.now, (life.request.dueAt ?? 0) + happening.lateMs)
      return handle(life)
    case 'send':
      return void life.advance(beginSendingNow)
    case 'deadline':
      return once(life, applyDeadline)
    case 'act':
      return once(life, (request, context) => applyCallbacks(request, [], context).request)
    case 'publish':
      return once(life, (request) => markPublished(request, life.now))
    case 'answer': {
      const { length } = life.request.attempts
      const attempt = length - (happening.pick % Math.max(length, 1))
      return answer(life, attempt, happening.answer)
    }
    case 'callback': {
      const { length } = life.request.attempts
      const attempt = length - (happening.pick % Math.max(length, 1))
      const { outcome, variant, httpStatus } = happening
      if (attempt > 0) life.receive(attempt, outcome, variant, httpStatus)
      return
    }
    case 'kept': {
      const { length } = life.request.attempts
      const attempt = length - (happening.pick % Math.max(length, 1))
      if (attempt > (life.keptAttempt ?? 0)) life.keptAttempt = attempt
      return
    }
    case 'notify': {
      const notice = notification(life.now, happening.filter)
      life.notifications.push(notice)
      life.releasing.push(notice)
      return
    }
    case 'release':
      return releaseParked(life)
    case 'retry': {
      const { policy } = life.rules
      const { before, after } = life.advance((request) =>
        isUsedUp(request, policy) ? request : retryNow(request, 'ann', life.now)
      )
      const isOpenToRetry = before.state === 'parked' || before.state === 'retry-scheduled'
      const waits = isOpenToRetry && !isUsedUp(before, policy)
      return ensure(!waits || after.dueAt === life.now, 'what waits must be sent at once')
    }
    case 'authorize':
      return giveAuthorization(life, happening)
    case 'busy':
      life.busyUntil = happening.forMs === null ? null : life.now + happening.forMs
      return
    case 'probe':
      life.probeUntil = happening.forMs === null ? null : life.now + happening.forMs
      return
    case 'refused':
      life.refusedAt = life.now
      return
    case 'trusted':
      life.refusedAt = null
      return
    case 'crash':
      return life.abandon(HANDLED[happening.in])
    case 'cancel':
      once(life, (request) => cancel(request, 'ann', life.now))
      return ensure(life.request.endedAt !== null, 'what was cancelled must have ended')
  }
}

const beginSendingNow: Step = (request, context) => beginSending(request, context, REQUEST_TIMEOUT)

const HANDLED: Readonly<Record<'send' | 'deadline' | 'callback' | 'publish', Step>> = {
  send: beginSendingNow,
  deadline: applyDeadline,
  callback: (request) => request,
  publish: (request, { now }) => markPublished(request, now)
}

function giveAuthorization(
  life: Life,
  { lastsMs, logon }: Extract<Happening, { type: 'authorize' }>
): void {
  const expiresAt = lastsMs === null ? null : life.now + lastsMs
  const given = { authorization: { expiresAt }, account: { ...ACCOUNT, credentials: logon } }
  const { before, after } = life.advance((request) => authorize(request, given, 'ann', life.now))
  const waited = before.parked?.cause === 'authorization-expired'
  ensure(!waited || after.state === 'retry-scheduled', 'what waits for this must be let go')
}

/** Whoever is woken at the instant of a request gets it on, and before it leaves it as it is. */
function handle(life: Life): void {
  const { state } = life.request
  const isToSend = state === 'queued' || state === 'retry-scheduled'
  const { before, after } = life.advance(isToSend ? beginSendingNow : applyDeadline)
  if (before.state !== state || before.dueAt === null) return
  // What waits for another request may be promoted before its instant.
  if (before.reason === 'account-busy' || before.reason === 'logon-probe') return
  const isDue = before.dueAt <= life.now
  ensure(isDue === (after !== before), 'it must go on at its instant, and not before')
}

/** Khipu answers an attempt once; an answer to any but the latest is only noted. */
function answer(life: Life, attempt: number, said: SimpleAnswer): void {
  if (!life.unanswered.delete(attempt)) return
  if (said.type === 'refused' || said.type === 'temporary') life.saidToFail.add(attempt)
  const { before, after } = life.advance((request, context) =>
    applyAnswer(request, attempt, said, context)
  )
  const isLatest = attempt === before.attempts.length
  ensure(isLatest || isDeepStrictEqual(bare(after), bare(before)), 'an old answer changed it')
}

/** What a handler did is not done again when it is run again. */
function once(life: Life, step: Step): void {
  life.advance(step)
  ensure(step(life.request, life.context()) === life.request, 'a second run must change nothing')
}

function releaseParked(life: Life): void {
  const notice = life.releasing.shift()
  if (notice === undefined) return
  life.advance((request) => {
    const { parked } = request
    if (parked === null || parked.at > notice.at) return request
    if (isUsedUp(request, life.rules.policy)) return request
    const { requestId, service, code } = request
    const isMeant = matches(notice, { requestId, service, code, cause: parked.cause })
    return isMeant ? release(request, life.now + PACE_MS, 'notification', life.now) : request
  })
}

const states = [
  ...Object.keys(JOB_OF),
  'account-busy',
  'logon-probe',
  'authorization-expired',
  'credentials',
  'quarantined'
]
const failures = ['do-not-retry', 'rejected', 'no-callback', 'expired', 'retries-exhausted']
const lives: [name: string, rules: Rules, mustMeet: readonly string[]][] = [
  ['built-in', BUILT_IN, states],
  ['strict', STRICT, [...states, ...failures, 'parked-too-long']]
]
for (const [name, rules, mustMeet] of lives) {
  t.test(`no life of a request breaks a promise under the ${name} policy`, async (t) => {
    const met = new Set<string>()
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    const life = fc.array(fc.tuple(happenings, chance), {
      minLength: 5,
      maxLength: 80,
      size: 'max'
    })
    const keepsItsPromises = fc.property(life, (events) => {
      const life = new Life(rules)
      for (const [happening, random] of events) {
        life.random = random
        happen(life, happening)
        met.add(life.request.state)
        met.add(String(life.request.reason))
      }
    })
    t.doesNotThrow(() => fc.assert(keepsItsPromises, { numRuns: 1500 }))
    t.strictSame(
      mustMeet.filter((word) => !met.has(word)),
      [],
      'has met what there is to meet'
    )
  })
}

function acknowledgedWithin(lifeSpan: string | null): SimpleAnswer {
  return acknowledged(lifeSpan === null ? {} : { lifeSpan })
}
