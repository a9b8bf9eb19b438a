import fc from 'fast-check'
import t from 'tap'
import type { Answer } from '../../../src/core/answer.ts'
import type { Cause, ParkCause, RetryCause } from '../../../src/core/error-cause.ts'
import { decide, type Decision, type Failure, isExpired } from '../../../src/core/decide.ts'
import { matches, type Notification, type Parkable } from '../../../src/core/notification.ts'
import { BUILT_IN_POLICY, type Policy, type RetryRule } from '../../../src/core/policy.ts'
import type { Request } from '../../../src/core/request.ts'
import {
  answered,
  at,
  awaiting,
  calledBack,
  DAY,
  error,
  failedFor,
  HOUR,
  ID,
  MINUTE,
  notification,
  queued,
  REJECTED,
  SECOND,
  sent,
  SERVICE,
  silent,
  START,
  temporary,
  UNAUTHORIZED
} from '../../helpers/given.ts'
import { withRow } from '../../helpers/rules.ts'

const RECEIVED = START + MINUTE

/** The numbers of the policy table, written out a second time: delays in seconds, jitter as its most in ms. */
const RETRIES: Readonly<Record<RetryCause, readonly [delay: number, mostJitterMs: number][]>> = {
  'retry-immediately': [
    [0, 0],
    [5, 1_000],
    [30, 6_000],
    [120, 24_000],
    [600, 120_000]
  ],
  'refused-logon': [[0, 0]],
  'wait-4-hours': Array.from({ length: 6 }, () => [14_400, 300_000]),
  temporary: [
    [2, 400],
    [5, 1_000],
    [12, 2_400],
    [30, 6_000],
    [70, 14_000],
    [160, 32_000],
    [360, 72_000],
    [900, 180_000]
  ],
  'no-callback': [
    [0, 0],
    [0, 0]
  ]
}
const RETRY_CAUSES = Object.keys(RETRIES) as RetryCause[]
const PARK_CAUSES: readonly ParkCause[] = [
  'retry-after-notification',
  'unknown-type',
  'unauthorized'
]
const FAIL_CAUSES = ['do-not-retry', 'rejected'] as const

function failure(cause: Cause, rest: Partial<Failure> = {}): Failure {
  return { cause, code: null, receivedAt: RECEIVED, retryAfterMs: null, ...rest }
}

/** The decision about a request that failed so many times before for the same cause, and now again. */
function decideAfter(cause: Cause, before: number, rest: Partial<Failure> = {}, random = 0) {
  const request = failedFor(Array.from({ length: before + 1 }, () => cause))
  return decide(request, failure(cause, rest), at(RECEIVED, { random }))
}

t.test('holds exactly the numbers of the policy table', async (t) => {
  t.strictSame(BUILT_IN_POLICY, {
    retry: {
      'retry-immediately': {
        delaysMs: [0, 5_000, 30_000, 120_000, 600_000],
        jitter: { share: 0.2 },
        maxRetries: 5,
        retryAfterMaxMs: 14_400_000
      },
      'refused-logon': {
        delaysMs: [0],
        jitter: { share: 0.2 },
        maxRetries: 1,
        retryAfterMaxMs: 14_400_000
      },
      'wait-4-hours': {
        delaysMs: [14_400_000],
        jitter: { upToMs: 300_000 },
        maxRetries: 6,
        retryAfterMaxMs: 0
      },
      temporary: {
        delaysMs: [2_000, 5_000, 12_000, 30_000, 70_000, 160_000, 360_000, 900_000],
        jitter: { share: 0.2 },
        maxRetries: 8,
        retryAfterMaxMs: 14_400_000
      },
      'no-callback': {
        delaysMs: [0],
        jitter: { share: 0 },
        maxRetries: 2,
        retryAfterMaxMs: 0
      }
    },
    parkedMaxMs: {
      'retry-after-notification': 604_800_000,
      'unknown-type': 604_800_000,
      unauthorized: 604_800_000,
      'authorization-expired': 604_800_000,
      credentials: 604_800_000,
      quarantined: 604_800_000,
      'unreadable-answer': 604_800_000
    },
    requestMaxAgeMs: 259_200_000,
    releasesPerSecond: 10,
    maxAttempts: 10,
    probes: 2
  })
})

t.test('the policy table, row by row', async (t) => {
  type Met = [state: string, reason: string | null, dueAfterMs: number | null]
  const callbackOf = (type: string | null, code: string | null) => (request: Request) =>
    calledBack(request, error(type, { code }), RECEIVED)
  const answerOf = (answer: Exclude<Answer, { type: 'envelope' }>) => (request: Request) =>
    answered(request, answer, RECEIVED)
  const rows: [what: string, meet: (request: Request) => Request, met: Met][] = [
    ['RETRY_IMMEDIATELY', callbackOf('RETRY_IMMEDIATELY', 'E201'), retryIn('retry-immediately', 0)],
    [
      'RETRY_IMMEDIATELY, E101',
      callbackOf('RETRY_IMMEDIATELY', 'E101'),
      retryIn('refused-logon', 0)
    ],
    ['DO_NOT_RETRY', callbackOf('DO_NOT_RETRY', 'E999'), ['failed', 'do-not-retry', null]],
    [
      'WAIT_4_HOURS_BEFORE_RETRY',
      callbackOf('WAIT_4_HOURS_BEFORE_RETRY', 'E201'),
      retryIn('wait-4-hours', 4 * HOUR)
    ],
    [
      'RETRY_AFTER_NOTIFICATION',
      callbackOf('RETRY_AFTER_NOTIFICATION', 'E101'),
      parked('retry-after-notification')
    ],
    ['an unknown Type', callbackOf('RETRY_TOMORROW', 'E201'), parked('unknown-type')],
    ['no Type', callbackOf(null, 'E201'), parked('unknown-type')],
    ['neither Type nor Code', callbackOf(null, null), parked('unknown-type')],
    ['A000 without a Type', callbackOf(null, 'A000'), parked('unauthorized')],
    ['HTTP 401 or 403', answerOf(UNAUTHORIZED), parked('unauthorized')],
    ['HTTP 400', answerOf(REJECTED), ['failed', 'rejected', null]],
    ['HTTP 503', answerOf(temporary()), retryIn('temporary', 2 * SECOND)],
    [
      'HTTP 503 with Retry-After',
      answerOf(temporary(90 * SECOND)),
      retryIn('temporary', 90 * SECOND)
    ],
    [
      'a connection lost after sending',
      answerOf({ type: 'ambiguous', detail: 'reset' }),
      ['awaiting-callback', 'ambiguous', 30 * MINUTE]
    ]
  ]
  for (const [what, meet, [state, reason, dueAfterMs]] of rows) {
    t.test(`${what}: ${state} ${reason}`, async (t) => {
      const met = meet(sent(queued()))
      t.match(met, { state, reason })
      t.equal(met.dueAt, dueAfterMs === null ? null : RECEIVED + dueAfterMs)
    })
  }
  t.test('no callback by the deadline: retried twice, then failed', async (t) => {
    const first = silent(awaiting())
    t.match(first, { state: 'retry-scheduled', reason: 'no-callback' })
    const second = silent(awaiting(2))
    t.match(second, { state: 'retry-scheduled', reason: 'no-callback' })
    t.match(silent(awaiting(3)), { state: 'failed', reason: 'no-callback', dueAt: null })
  })

  function retryIn(reason: RetryCause, afterMs: number): Met {
    return ['retry-scheduled', reason, afterMs]
  }
  function parked(reason: ParkCause): Met {
    return ['parked', reason, 7 * DAY]
  }
})

for (const cause of RETRY_CAUSES) {
  for (const [before, [seconds, mostJitterMs]] of RETRIES[cause].entries()) {
    t.test(`retry ${before + 1} for ${cause} waits ${seconds} s, or a little longer`, async (t) => {
      const earliest = RECEIVED + seconds * SECOND
      t.strictSame(decideAfter(cause, before), { type: 'retry', at: earliest, cause })
      t.strictSame(decideAfter(cause, before, {}, 0.5), {
        type: 'retry',
        at: earliest + mostJitterMs / 2,
        cause
      })
      const latest = decideAfter(cause, before, {}, 1 - Number.EPSILON)
      t.strictSame(latest, { type: 'retry', at: earliest + mostJitterMs, cause })
    })
  }
  const most = RETRIES[cause].length
  t.test(`fails once ${most} retries for ${cause} are spent`, async (t) => {
    const reason = cause === 'no-callback' ? 'no-callback' : 'retries-exhausted'
    t.strictSame(decideAfter(cause, most), { type: 'fail', reason })
    t.strictSame(decideAfter(cause, most + 1), { type: 'fail', reason })
  })
  t.test(`counts for ${cause} only what failed for ${cause}`, async (t) => {
    const others = RETRY_CAUSES.filter((other) => other !== cause && other !== 'refused-logon')
    const policy = { ...BUILT_IN_POLICY, maxAttempts: 100 }
    const before = [...others, ...PARK_CAUSES, null].flatMap((other) => Array(9).fill(other))
    const [[seconds] = [0]] = RETRIES[cause]
    const request = failedFor([...before, cause])
    const decision = decide(request, failure(cause), at(RECEIVED, { policy }))
    t.strictSame(decision, { type: 'retry', at: RECEIVED + seconds * SECOND, cause })
  })
}

t.test('counts the delay from the receipt, however late it is acted on', async (t) => {
  const request = failedFor(['wait-4-hours'])
  const decision = decide(request, failure('wait-4-hours'), at(RECEIVED + 3 * HOUR))
  t.strictSame(decision, { type: 'retry', at: RECEIVED + 4 * HOUR, cause: 'wait-4-hours' })
})

t.test('is never early by jitter, and never later than it may be', async (t) => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const row = fc
    .constantFrom(...RETRY_CAUSES)
    .chain((cause) => fc.tuple(fc.constant(cause), fc.nat({ max: RETRIES[cause].length - 1 })))
  const keepsToItsRow = fc.property(row, chance, ([cause, before], random) => {
    const [seconds, mostJitterMs] = RETRIES[cause][before] ?? [NaN, NaN]
    const after = instantOf(decideAfter(cause, before, {}, random)) - RECEIVED
    const earliest = seconds * SECOND
    return Number.isSafeInteger(after) && after >= earliest && after <= earliest + mostJitterMs
  })
  t.doesNotThrow(() => fc.assert(keepsToItsRow, { numRuns: 1000 }))
})

t.test('spreads the retries of many requests over the whole jitter', async (t) => {
  const instants = [0, 0.25, 0.75].map((random) =>
    instantOf(decideAfter('wait-4-hours', 0, {}, random))
  )
  const fourHours = RECEIVED + 4 * HOUR
  t.strictSame(instants, [fourHours, fourHours + 75 * SECOND, fourHours + 225 * SECOND])
})

t.test('rounds a fraction of a millisecond up', async (t) => {
  const decision = decideAfter('wait-4-hours', 0, {}, 1e-9)
  t.equal(instantOf(decision), RECEIVED + 4 * HOUR + 1)
})

t.test('repeats the last delay of a policy that has fewer delays than retries', async (t) => {
  const policy = withTemporary({ delaysMs: [1, 7], maxRetries: 4 })
  const delays = [1, 2, 3, 4].map((attempts) => {
    const request = failedFor(Array<Cause>(attempts).fill('temporary'))
    return instantOf(decide(request, failure('temporary'), at(RECEIVED, { policy }))) - RECEIVED
  })
  t.strictSame(delays, [1, 7, 7, 7])
})

t.test('retries at once where a policy names no delay', async (t) => {
  const policy = withTemporary({ delaysMs: [] })
  const decision = decide(failedFor(['temporary']), failure('temporary'), at(RECEIVED, { policy }))
  t.strictSame(decision, { type: 'retry', at: RECEIVED, cause: 'temporary' })
})

t.test('never retries where a policy allows no retry', async (t) => {
  const policy = withTemporary({ maxRetries: 0 })
  const decision = decide(failedFor(['temporary']), failure('temporary'), at(RECEIVED, { policy }))
  t.strictSame(decision, { type: 'fail', reason: 'retries-exhausted' })
})

t.test('Retry-After', async (t) => {
  const rows: [what: string, retryAfterMs: number | null, before: number, waitMs: number][] = [
    ['none leaves the delay as it is', null, 0, 2 * SECOND],
    ['zero leaves the delay as it is', 0, 0, 2 * SECOND],
    ['a shorter one leaves the delay as it is', 1999, 0, 2 * SECOND],
    ['the same one leaves the delay as it is', 2 * SECOND, 0, 2 * SECOND],
    ['a longer one is honoured', 2001, 0, 2001],
    ['one shorter than a later delay leaves that as it is', 60 * SECOND, 7, 900 * SECOND],
    ['4 h is honoured', 4 * HOUR, 0, 4 * HOUR],
    ['more than 4 h counts as 4 h', 4 * HOUR + 1, 0, 4 * HOUR],
    ['days count as 4 h', 30 * DAY, 7, 4 * HOUR],
    ['what is beyond all numbers counts as 4 h', Infinity, 0, 4 * HOUR]
  ]
  for (const [what, retryAfterMs, before, waitMs] of rows) {
    t.test(what, async (t) => {
      const decision = decideAfter('temporary', before, { retryAfterMs })
      t.equal(instantOf(decision) - RECEIVED, waitMs)
    })
  }
  t.test('does not lift the limit of 8 retries', async (t) => {
    const decision = decideAfter('temporary', 8, { retryAfterMs: HOUR })
    t.strictSame(decision, { type: 'fail', reason: 'retries-exhausted' })
  })
  for (const cause of ['retry-immediately', 'refused-logon'] as const) {
    t.test(`the later of both counts for ${cause}, bounded by 4 h`, async (t) => {
      const wait = (before: number, retryAfterMs: number) =>
        instantOf(decideAfter(cause, before, { retryAfterMs })) - RECEIVED
      t.equal(wait(0, 0), 0)
      t.equal(wait(0, 90 * SECOND), 90 * SECOND)
      t.equal(wait(0, 5 * HOUR), 4 * HOUR)
    })
  }
  t.test('a shorter one leaves the delay of RETRY_IMMEDIATELY as it is', async (t) => {
    const decision = decideAfter('retry-immediately', 4, { retryAfterMs: 90 * SECOND })
    t.equal(instantOf(decision) - RECEIVED, 600 * SECOND)
  })
  for (const cause of ['wait-4-hours', 'no-callback'] as const) {
    t.test(`changes nothing for ${cause}`, async (t) => {
      t.strictSame(decideAfter(cause, 0, { retryAfterMs: 5 * HOUR }), decideAfter(cause, 0))
    })
  }
})

for (const cause of FAIL_CAUSES) {
  t.test(`fails at once for ${cause}, whatever the age and the notifications`, async (t) => {
    const fail = { type: 'fail', reason: cause }
    t.strictSame(decideAfter(cause, 0), fail)
    const old = failedFor([cause], { requestedAt: RECEIVED - 9 * DAY })
    const notifications = [notification(RECEIVED)]
    t.strictSame(decide(old, failure(cause), at(RECEIVED, { notifications })), fail)
  })
}

for (const cause of PARK_CAUSES) {
  const parked = { type: 'park', until: RECEIVED + SECOND + 7 * DAY, cause }
  const now = RECEIVED + SECOND
  const decideWith = (notifications: readonly Notification[], rest: Partial<Failure> = {}) =>
    decide(failedFor([cause]), failure(cause, rest), at(now, { notifications }))

  t.test(`parks for ${cause} for 7 days from the decision on`, async (t) => {
    t.strictSame(decideWith([]), parked)
  })
  t.test(`parks for ${cause} however often it was before`, async (t) => {
    const request = failedFor(Array<Cause>(50).fill(cause))
    t.strictSame(decide(request, failure(cause), at(now)), parked)
    const context = at(now, { notifications: [notification(now)] })
    const what = 'no notification releases what has used up its attempts'
    t.strictSame(decide(request, failure(cause), context), parked, what)
  })
  t.test(`parks for ${cause} as long as the policy's row says`, async (t) => {
    const parkedMaxMs = { ...BUILT_IN_POLICY.parkedMaxMs, [cause]: 5 }
    const context = at(now, { policy: { ...BUILT_IN_POLICY, parkedMaxMs } })
    t.strictSame(decide(failedFor([cause]), failure(cause), context), { ...parked, until: now + 5 })
  })
  t.test(`parks for ${cause} in spite of a notification before the failure`, async (t) => {
    t.strictSame(decideWith([notification(RECEIVED - 1)]), parked)
  })

  const retry = { type: 'retry', at: now, cause }
  const code = 'E101'
  const before = notification(RECEIVED - 1)
  const rows: [what: string, notifications: Notification[], decision: object][] = [
    ['in the same instant', [notification(RECEIVED)], retry],
    ['between the failure and the parking', [notification(RECEIVED + 1)], retry],
    ['at the parking', [notification(now)], retry],
    ['second of two', [before, notification(RECEIVED)], retry],
    ['first of two', [notification(RECEIVED), before], retry],
    ['for its service', [notification(now, { service: SERVICE })], retry],
    ['for its code', [notification(now, { code })], retry],
    ['for its reason', [notification(now, { reason: cause })], retry],
    ['for its id', [notification(now, { requestIds: ['other', ID] })], retry],
    ['for another service', [notification(now, { service: 'cl/x' })], parked],
    ['for another code', [notification(now, { code: 'E102' })], parked],
    ['for another reason', [notification(now, { reason: otherThan(cause) })], parked],
    ['for other ids', [notification(now, { requestIds: ['other'] })], parked],
    ['for no ids', [notification(now, { requestIds: [] })], parked],
    ['matching but earlier, and another', [before, notification(now, { code: 'X' })], parked]
  ]
  for (const [what, notifications, decision] of rows) {
    const verb = decision === retry ? 'retries at once' : 'parks'
    t.test(`${verb} after ${cause} and a notification ${what}`, async (t) => {
      t.strictSame(decideWith(notifications, { code }), decision)
    })
  }
}

for (const cause of RETRY_CAUSES) {
  t.test(`a notification hurries no retry for ${cause}`, async (t) => {
    const context = at(RECEIVED, { notifications: [notification(RECEIVED)] })
    t.strictSame(decide(failedFor([cause]), failure(cause), context), decideAfter(cause, 0))
  })
}

for (const cause of [...RETRY_CAUSES, ...PARK_CAUSES]) {
  t.test(`fails as expired for ${cause} once older than 72 h, and not before`, async (t) => {
    const aged = (ageMs: number, parkedMs = 0) =>
      decide(
        failedFor([cause], { requestedAt: RECEIVED - ageMs, parkedMs }),
        failure(cause),
        at(RECEIVED)
      )
    const expired: Decision = { type: 'fail', reason: 'expired' }
    t.not(aged(72 * HOUR).type, 'fail')
    t.strictSame(aged(72 * HOUR + 1), expired)
    t.not(aged(79 * HOUR, 7 * HOUR).type, 'fail', 'the time parked does not count')
    t.strictSame(aged(79 * HOUR + 1, 7 * HOUR), expired)
  })
}

t.test('a notification saves no request that has expired', async (t) => {
  const request = failedFor(['unauthorized'], { requestedAt: RECEIVED - 73 * HOUR })
  const context = at(RECEIVED, { notifications: [notification(RECEIVED)] })
  t.strictSame(decide(request, failure('unauthorized'), context), {
    type: 'fail',
    reason: 'expired'
  })
})

t.test('takes the age from the policy', async (t) => {
  const policy = { ...BUILT_IN_POLICY, requestMaxAgeMs: 10 }
  t.notOk(isExpired(queued(), at(START + 10, { policy })))
  t.ok(isExpired(queued(), at(START + 11, { policy })))
})

t.test('a notification matches where all that it names is so', async (t) => {
  const parkable: Parkable = {
    requestId: ID,
    service: SERVICE,
    code: 'E101',
    cause: 'unknown-type'
  }
  const fields = {
    service: [null, SERVICE, `${SERVICE}/`],
    code: [null, 'E101', 'E10'],
    reason: [null, 'unknown-type', 'unauthorized'],
    requestIds: [null, ['other', ID], [ID.slice(1)]]
  } as const
  const choices = [0, 1, 2] as const
  const rows = choices.flatMap((service) =>
    choices.flatMap((code) =>
      choices.flatMap((reason) =>
        choices.map((requestIds) => ({ service, code, reason, requestIds }))
      )
    )
  )
  for (const row of rows) {
    const named = {
      service: fields.service[row.service],
      code: fields.code[row.code],
      reason: fields.reason[row.reason],
      requestIds: fields.requestIds[row.requestIds]
    }
    const expected = !Object.values(row).includes(2)
    const verb = expected ? 'matches' : 'does not match'
    t.test(`${JSON.stringify(Object.values(named))} ${verb}`, async (t) => {
      t.equal(matches({ at: 0, ...named }, parkable), expected)
    })
  }
  t.test('one for a code does not match what failed without one', async (t) => {
    t.notOk(matches(notification(0, { code: 'E101' }), { ...parkable, code: null }))
  })
})

function withTemporary(rest: Partial<RetryRule>): Policy {
  return withRow('temporary', { jitter: { share: 0 }, ...rest })
}

function instantOf(decision: Decision): number {
  return decision.type === 'retry' ? decision.at : NaN
}

function otherThan(cause: ParkCause): ParkCause {
  return cause === 'unauthorized' ? 'unknown-type' : 'unauthorized'
}
