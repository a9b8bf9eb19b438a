import type { SentCallback } from '../../../simulator/history.ts'
import type { RequestView } from '../../../src/schemas/generated.ts'
import type { Member } from '../../helpers/crowd.ts'
import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { resultJobs, type World } from '../../helpers/world.ts'
import type { Figures } from './fault.ts'
import { acknowledgedOf, distinct, heard, statusOf } from './heard.ts'

const ENDED: ReadonlySet<string> = new Set(['delivered', 'failed', 'cancelled'])

/** Counts what became of a crowd, from the outside. `consumed` are the request ids that a consumer was handed. */
export async function count(
  world: World,
  service: Service,
  members: readonly Member[],
  { kills, consumed = [] }: { kills: number; consumed?: readonly string[] }
): Promise<Figures> {
  const ids = new Set(members.map(({ requestId }) => requestId))
  await until(
    'the results are there',
    async () => (await resultJobs(world)).length >= ids.size,
    10_000
  )
    // Too few of them is a figure, not a reason to stop.
    .catch(() => {})
  const jobs = (await resultJobs(world)).map(({ id = '' }) => id)
  const published = new Set(jobs)
  const seen = await Promise.all(members.map((member) => look(world, service, member, published)))
  const acknowledged = world.khipu.callbacks.filter((callback) => statusOf(callback) === 200)
  const strangers = jobs.filter((id) => !ids.has(id)).length
  return {
    requests: members.length,
    acknowledged: acknowledged.length,
    kills,
    results: jobs.length,
    lost: seen.filter(({ isLost }) => isLost).length,
    doubled: strangers + (consumed.length - new Set(consumed).size),
    stuck: seen.filter(({ isStuck }) => isStuck).length,
    extraSends: seen.reduce((sum, { extraSends }) => sum + extraSends, 0)
  }
}

async function look(
  world: World,
  service: Service,
  member: Member,
  published: ReadonlySet<string>
) {
  const acknowledged = acknowledgedOf(world, member.account)
  const request = await findView(service, member.requestId, distinct(world, acknowledged))
  if (request === null) return { isLost: true, isStuck: false, extraSends: 0 }
  const hasEnded = ENDED.has(request.state)
  const hasResult = published.has(member.requestId)
  const isUnheard = heard(request) < distinct(world, acknowledged)
  const hasGood = acknowledged.some((callback) => isGoodAndTaken(world, callback))
  return {
    isLost: isUnheard || (hasGood && request.state !== 'delivered') || (hasEnded && !hasResult),
    isStuck: !hasEnded,
    extraSends: extraSends(world, member, request)
  }
}

/** What is acknowledged last may wait for a sweep until the request hears of it. */
const HEARD_WITHIN_MS = 20_000

// Only 404 says that nobody knows it: a process that is in trouble is asked again.
async function findView(
  service: Service,
  requestId: string,
  callbacks: number
): Promise<RequestView | null> {
  const look = () =>
    until(`${requestId} is looked up`, async () => {
      const path = `/v1/requests/${requestId}`
      const one = await service.api<RequestView>('GET', path).catch(() => null)
      return one?.status === 200 || one?.status === 404 ? one : null
    })
  await until(
    'it has heard of them all',
    async () => {
      const { status, body } = await look()
      return status === 404 || heard(body) >= callbacks
    },
    HEARD_WITHIN_MS
  ).catch(() => {})
  const { status, body } = await look()
  return status === 200 ? body : null
}

function isGoodAndTaken({ khipu }: World, callback: SentCallback): boolean {
  if (callback.answer === null || !('body' in callback.answer)) return false
  const { status } = JSON.parse(callback.answer.body) as { status: string }
  const body = JSON.parse(khipu.bodyOf(callback.number)?.toString() ?? 'null') as {
    Status?: string
  }
  return status === 'accepted' && body?.Status === 'OK'
}

// An attempt is begun in the ledger before it is sent; one that a crash cut short is known by its silence.
function extraSends({ khipu }: World, { scenario, account }: Member, seen: RequestView): number {
  const calls = khipu.calls.filter((call) => call.account === account)
  const twice = calls.length - new Set(calls.map(({ callbackUrl }) => callbackUrl)).size
  const silent = seen.history.filter(
    ({ event }) => event === 'ambiguous' || event === 'deadline-passed'
  )
  const explained = new Set(silent.map(({ attempt }) => attempt)).size
  const most = (scenario.afterRelease ?? scenario.ends).attempts + explained
  return twice + blindSends(seen) + Math.max(0, calls.length - most)
}

// Nobody knew whether Khipu had the attempt before, and neither its callback nor its deadline had come.
function blindSends({ history }: RequestView): number {
  return history.filter(({ event, attempt = 0 }, index) => {
    const before = history.slice(0, index).filter((one) => one.attempt === attempt - 1)
    const since = before.findLastIndex((one) => one.event === 'ambiguous')
    return event === 'sending' && since >= 0 && !before.slice(since).some(isExplanation)
  }).length
}

function isExplanation({ event }: RequestView['history'][number]): boolean {
  return event === 'deadline-passed' || event === 'callback' || event === 'answered'
}
