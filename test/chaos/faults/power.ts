import { setTimeout as pause } from 'node:timers/promises'
import pLimit from 'p-limit'
import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { accountOf, ask, startWorld, type World } from '../../helpers/world.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { type Mains, mainsHindrance, openMains } from './power-cut.ts'
import { jobsOnceThereAre } from './withheld-count.ts'
import { askWithheld, openPosting, type Post, undelivered, type Withheld } from './withheld.ts'

/** The power goes: what Redis has not synced is gone. */
export const powerFaults: readonly Fault[] = [
  {
    name: 'power cut with appendfsync always',
    hindrance: mainsHindrance,
    run: (run) => cutThePower(run, 'always')
  },
  {
    name: 'power cut with appendfsync everysec',
    mayLose: true,
    isLong: true,
    hindrance: mainsHindrance,
    run: (run) => cutThePower(run, 'everysec')
  }
]

/** What was answered 2xx, and when, ms since 1970. */
type Told<What> = readonly { readonly what: What; readonly at: number }[]

async function cutThePower(run: Run, appendfsync: 'always' | 'everysec'): Promise<Figures> {
  const mains = await openMains(run)
  const redis = { env: mains.env, args: ['--appendfsync', appendfsync] }
  const world = await startWorld(run, { ownRedis: true, redis, env: { SWEEP_INTERVAL: '2s' } })
  const service = await world.start()
  const members = await askWithheld(world, service, run.isShort ? 200 : 1500)
  // Whatever was asked is to be on the disk: only what is told from here on is at stake.
  await pause(2500)

  const syncsLate = appendfsync === 'everysec'
  const told = await tellAndCut(run, { mains, world, service, members, syncsLate })
  await world.redis.restart()
  await service.ready()

  const lostRequests = await unknownOf(service, told.requests)
  const acknowledged = new Set(told.callbacks.map(({ what }) => what))
  const left = new Set(await undelivered(service, [...acknowledged]))
  const lostCallbacks = told.callbacks.filter(({ what }) => left.has(what))
  await callBackUntilAllEnded(openPosting(run), world)

  const gone = new Set(lostRequests.map(({ what }) => what))
  const known = told.requests.flatMap(({ what: requestId }) =>
    gone.has(requestId) ? [] : [{ requestId }]
  )
  const open = await undelivered(service, [...members, ...known])
  const jobs = await jobsOnceThereAre(world, members.length + known.length)
  const missing = [...members, ...known].filter(({ requestId }) => !jobs.includes(requestId))
  const { calls } = world.khipu
  return {
    requests: members.length + told.requests.length,
    acknowledged: told.callbacks.length,
    kills: 1,
    results: jobs.length,
    lost: lostCallbacks.length + lostRequests.length + missing.length,
    doubled: jobs.length - new Set(jobs).size,
    stuck: open.length,
    extraSends: calls.length - new Set(calls.map(({ account }) => account)).size,
    remark: `${inWords(told, lostCallbacks, lostRequests)}; ${missing.length} results besides`
  }
}

interface ToldUntilCut {
  readonly callbacks: Told<Withheld>
  readonly requests: Told<string>
  readonly cutAt: number
  readonly bytes: number
}

interface AtStake {
  readonly mains: Mains
  readonly world: World
  readonly service: Service
  readonly members: readonly Withheld[]
  readonly syncsLate: boolean
}

/** Callbacks and requests at full rate, and the cut in the middle of them. */
async function tellAndCut(
  run: Run,
  { mains, world, service, members, syncsLate }: AtStake
): Promise<ToldUntilCut> {
  const post = openPosting(run)
  const callbacks: { what: Withheld; at: number }[] = []
  const requests: { what: string; at: number }[] = []
  let isOver = false
  const limit = pLimit(50)
  const posting = members.map((member) =>
    limit(async () => {
      if (isOver) return
      const { status, at } = await post(member.callbackUrl)
      if (status === 200) callbacks.push({ what: member, at })
    })
  )
  const asking = (async () => {
    for (let number = 0; !isOver; number++) {
      const requestId = await ask(service, accountOf('1205', 5000 + number)).catch(() => null)
      if (requestId !== null) requests.push({ what: requestId, at: Date.now() })
    }
  })()
  const enough = Math.floor(members.length * 0.4) + run.chance.between(0, members.length * 0.3)
  await until('enough was told', () => callbacks.length >= enough)
  if (syncsLate) await untilMuchIsAtStake(mains)
  const cutAt = Date.now()
  const bytes = await mains.cut(world.redis)
  // Whoever answers 2xx with Redis gone is to be caught as well.
  isOver = true
  await Promise.all([...posting, asking])
  return { callbacks, requests, cutAt, bytes }
}

/** Resolves just before the next sync of `everysec`. */
async function untilMuchIsAtStake(mains: Mains): Promise<void> {
  await until(
    'the last sync is long ago',
    async () => Date.now() - (await mains.syncedAt()) > 850,
    1500
  ).catch(() => {})
}

async function unknownOf(service: Service, requests: Told<string>): Promise<Told<string>> {
  const isUnknown = await Promise.all(
    requests.map(async ({ what }) => {
      const { status } = await service.api('GET', `/v1/requests/${what}`)
      return status === 404
    })
  )
  return requests.filter((_, index) => isUnknown[index])
}

/** Khipu calls back whatever it was ever asked, until nothing is left open; 404 is for what is gone. */
async function callBackUntilAllEnded(post: Post, world: World): Promise<void> {
  const settled = new Set<string>()
  const limit = pLimit(20)
  const callBack = async (url: string) => {
    const { status } = await post(url)
    if (status === 200 || status === 404) settled.add(url)
  }
  await until('nothing is left open', async () => {
    const urls = world.khipu.calls.map(({ callbackUrl }) => callbackUrl ?? '')
    const open = [...new Set(urls)].filter((url) => !settled.has(url))
    await Promise.all(open.map((url) => limit(callBack, url)))
    return (await world.client.zcard(`{${world.env['QUEUE_PREFIX']}:0}:due`)) === 0
  })
}

function inWords(
  { callbacks, requests, cutAt, bytes }: ToldUntilCut,
  lostCallbacks: Told<Withheld>,
  lostRequests: Told<string>
): string {
  const oldest = Math.min(cutAt, ...[...lostCallbacks, ...lostRequests].map(({ at }) => at))
  return (
    `${bytes} bytes were not synced; gone: ${lostCallbacks.length} of ${callbacks.length} callbacks, ` +
    `${lostRequests.length} of ${requests.length} requests, those of the last ${cutAt - oldest} ms`
  )
}
