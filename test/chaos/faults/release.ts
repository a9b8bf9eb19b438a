import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import { v7 } from 'uuid'
import { acceptRequest } from '../../../src/core/new-request.ts'
import { BUILT_IN_POLICY } from '../../../src/core/policy.ts'
import { park } from '../../../src/core/transitions/apply-decision.ts'
import { openLedger } from '../../../src/ledger/open-ledger.ts'
import { DEFAULT_SERVICE } from '../../../src/operator/routes/create-request-route.ts'
import { type Service, TOKEN } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { accountOf, ask, atRest, startWorld, sumOf, type World } from '../../helpers/world.ts'
import type { Fault, Figures, Run } from './fault.ts'

/** Many that are let go at once must not reach Khipu at once. */
export const releaseFaults: readonly Fault[] = [
  { name: 'parked requests released, all at once', run: releaseMany }
]

const PER_SECOND = 50
const FEWER_WITHIN_MS = 120_000

async function releaseMany(run: Run): Promise<Figures> {
  const size = run.isShort ? 300 : 100_000
  const world = await startWorld(run, {
    khipu: { callbackDelayMs: 50, keep: 2 * size },
    policy: { releasesPerSecond: PER_SECOND },
    env: { SWEEP_INTERVAL: '1s', LOG_LEVEL: 'warn' },
    ownRedis: true
  })
  await parkMany(world, size)
  const service = await world.start()
  const { matched, released } = await notify(service)
  if (matched !== size) throw new Error(`matched: ${matched}`)
  const startedAt = performance.now()
  await untilNoneIsParked(service, run.isShort ? 50 : 2000)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  // An ordinary request does not wait behind them.
  const ordinary = await ask(service, accountOf('1001', size))
  await atRest(service, ordinary)
  await pause(run.isShort ? 0 : 15_000)
  if (run.isShort) {
    await until('all have ended', async () => (await sumOf(service, 'khipu_requests_ended')) > size)
  }
  return figuresOf(world, service, {
    size: size + 1,
    released,
    seconds
  })
}

/** However long it takes, as long as they become fewer. */
async function untilNoneIsParked(service: Service, lookEveryMs: number): Promise<void> {
  let [fewest, since] = [Infinity, performance.now()]
  while (fewest > 0) {
    // Looking costs as well.
    await pause(lookEveryMs)
    const left = await parked(service)
    if (left < fewest) [fewest, since] = [left, performance.now()]
    if (performance.now() - since > FEWER_WITHIN_MS) throw new Error(`${left} stay parked`)
  }
}

// To count so many takes longer than other calls may.
async function notify({ adminUrl }: Service) {
  const response = await fetch(`${adminUrl}/v1/notifications`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ all: true }),
    signal: AbortSignal.timeout(120_000)
  })
  return (await response.json()) as { matched: number; released: number }
}

function parked(service: Service): Promise<number> {
  return sumOf(service, 'khipu_requests_live', 'state="parked"').catch(() => Infinity)
}

async function figuresOf(
  world: World,
  service: Service,
  { size, released, seconds }: { size: number; released: number; seconds: number }
): Promise<Figures> {
  const { khipu } = world
  const at = khipu.calls.map((call) => Date.parse(call.at)).toSorted((a, b) => a - b)
  const [inOne, inTen] = [mostWithin(at, 1000), mostWithin(at, 10_000)]
  // One was not released; and what is sent within the pace may arrive a little closer together.
  if (inTen > 10 * PER_SECOND * 1.05 + 2) throw new Error(`${inTen} in ten seconds`)
  const unaccounted = await sumOf(service, 'khipu_requests_unaccounted')
  const accepted = await sumOf(service, 'khipu_requests_accepted')
  const results = Object.values(await world.results.getJobCounts()).reduce((a, b) => a + b, 0)
  const ended = await sumOf(service, 'khipu_requests_ended')
  return {
    requests: size,
    acknowledged: khipu.callbacks.filter(({ answer }) => answer !== null && 'status' in answer)
      .length,
    kills: 0,
    results,
    lost: Math.abs(unaccounted) + Math.abs(size - accepted),
    // A result is published once its request has ended.
    doubled: Math.max(0, results - ended),
    stuck: await parked(service),
    extraSends: khipu.calls.length - new Set(khipu.calls.map(({ account }) => account)).size,
    remark: `${released} to be released, all of them after ${seconds} s; ${PER_SECOND}/s allowed: Khipu saw ${inOne} in the worst second, ${inTen} in the worst ten`
  }
}

/** How many instants, of those in order, lie within so many ms at the most. */
function mostWithin(at: readonly number[], ms: number): number {
  let first = 0
  let most = 0
  for (const [index, instant] of at.entries()) {
    while ((at[first] ?? instant) <= instant - ms) first += 1
    most = Math.max(most, index - first + 1)
  }
  return most
}

/** Writes parked requests straight into the ledger: to ask for them all would take an hour. */
async function parkMany({ client, env }: World, size: number): Promise<void> {
  const [kid = '', key = ''] = (env['SECRET_KEYS'] ?? '').split(':')
  const { ledger, catalog } = openLedger(client, {
    queuePrefix: env['QUEUE_PREFIX'] ?? '',
    secretKeys: [{ kid, bytes: Buffer.from(key, 'base64') }],
    ledgerRetentionMs: 1e9,
    quarantine: { mostEntries: 1, mostBytes: 1, retentionMs: 1 },
    singleFlight: true,
    policy: BUILT_IN_POLICY
  })
  const now = await catalog.now()
  const until = now + BUILT_IN_POLICY.parkedMaxMs['unknown-type']
  const limit = pLimit(200)
  const numbers = Array.from({ length: size }, (_, index) => index)
  await limit.map(numbers, async (number) => {
    const account = accountOf('1001', number)
    const asked = { requestId: v7(), service: DEFAULT_SERVICE, reference: null, account: null }
    const request = acceptRequest({ ...asked, authorization: null }, 'faults', now)
    const record = park(request, { cause: 'unknown-type', code: null, until, now })
    await ledger.create(record, { RequestData: { AccountNumber: account } })
  })
}
