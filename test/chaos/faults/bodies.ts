import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { call, type Service, TOKEN } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { startWorld, view, type World } from '../../helpers/world.ts'
import { bodiesOfEveryShape, tooManyValues, transactions } from './body-shapes.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { askWithheld, type Withheld } from './withheld.ts'

/** Bodies that would fill the memory of a small container, or hold up the event loop. */
export const bodyFaults: readonly Fault[] = [
  { name: 'bodies of every shape at 256 MB of heap', run: shapes, isLong: true },
  { name: 'late bodies of every shape, accepted', run: lateShapes, isLong: true },
  { name: 'twenty bodies of 3 MB at once', run: (run) => atOnce(run, 20, 3) },
  { name: 'thirty bodies of 10 MB at once', run: (run) => atOnce(run, 30, 10), isLong: true }
]

// With the allocator set as in the image.
const SMALL_HEAP = {
  NODE_OPTIONS: '--max-old-space-size=256',
  MALLOC_MMAP_THRESHOLD_: '131072'
}
// A container of 512 MB needs some room beside it.
const MOST_RESIDENT_MB = 440
const LIVE_WITHIN_MS = 1_000
const MB = 1024 * 1024

async function shapes(run: Run): Promise<Figures> {
  // Before anything is watched: to make them holds up this process.
  const bodies = [...bodiesOfEveryShape(), ['too many values', tooManyValues()] as const]
  const { world, service, seen } = await open(run)
  const members = await askWithheld(world, service, bodies.length)
  const statuses: number[] = []
  for (const [index, [, body]] of bodies.entries()) {
    statuses.push(await post(run, members[index], body))
  }
  const expected = bodies.map(([name]) => (name === 'too many values' ? 422 : 200))
  must(statuses.join() === expected.join(), `answered ${statuses.join()}`)
  const good = members.filter((_, index) => statuses[index] === 200)
  return figures(world, service, good, await seen.stop())
}

/** An operator's call publishes a late result in the process that listens. */
async function lateShapes(run: Run): Promise<Figures> {
  const bodies = [...bodiesOfEveryShape().values()]
  const { world, service, seen } = await open(run)
  const members = await askWithheld(world, service, bodies.length)
  for (const { requestId } of members) {
    const cancelled = await service.api('POST', `/v1/requests/${requestId}/cancel`)
    must(cancelled.status === 200, `cancelled with ${cancelled.status}`)
  }
  for (const [index, body] of bodies.entries()) {
    const status = await post(run, members[index], body)
    must(status === 200, `answered ${status}`)
  }
  const kept = async () =>
    (await service.api<{ items: { quarantineId: string }[] }>('GET', '/v1/quarantine')).body.items
  await until('all are kept', async () => (await kept()).length === bodies.length)
  for (const { quarantineId } of await kept()) {
    const status = await accept(run, service, quarantineId)
    must(status === 200, `accepted with ${status}`)
  }
  return countResults(
    world,
    members.map(({ requestId }) => `${requestId}-late`),
    await seen.stop()
  )
}

async function atOnce(run: Run, count: number, megabytes: number): Promise<Figures> {
  const body = transactions(megabytes * MB)
  const { world, service, seen } = await open(run)
  const members = await askWithheld(world, service, count)
  const statuses = await Promise.all(members.map((member) => post(run, member, body)))
  must(new Set(statuses).size === 1 && statuses[0] === 200, `answered ${statuses.join()}`)
  return figures(world, service, members, await seen.stop())
}

async function open(run: Run) {
  const world = await startWorld(run, { ownRedis: true, env: SMALL_HEAP })
  const service = await world.start()
  return { world, service, seen: watch(run, service) }
}

/** How long liveness took at the most, and how much memory the process had at the most. */
function watch(run: Run, service: Service) {
  let isOver = false
  let slowestMs = 0
  const watching = (async () => {
    while (!isOver) {
      const askedAt = performance.now()
      await call(`${service.publicUrl}/health/live`)
      slowestMs = Math.max(slowestMs, performance.now() - askedAt)
      await pause(50)
    }
  })()
  watching.catch(() => {})
  run.teardown(() => (isOver = true))
  return {
    async stop() {
      isOver = true
      await watching
      const status = await readFile(`/proc/${service.pid}/status`, 'utf8')
      return { slowestMs, residentMb: Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024 }
    }
  }
}

async function post(run: Run, member: Withheld | undefined, body: Buffer): Promise<number> {
  return patiently(run, member?.callbackUrl ?? '', { body })
}

function accept(run: Run, { adminUrl }: Service, quarantineId: string): Promise<number> {
  const headers = { authorization: `Bearer ${TOKEN}` }
  return patiently(run, `${adminUrl}/v1/quarantine/${quarantineId}/accept`, { headers })
}

async function patiently(
  run: Run,
  url: string,
  what: { readonly body?: Buffer; readonly headers?: Record<string, string> }
): Promise<number> {
  const dispatcher = new Agent({ headersTimeout: 120_000, bodyTimeout: 120_000 })
  run.teardown(() => dispatcher.destroy())
  const answer = await request(url, { method: 'POST', dispatcher, ...what })
  await answer.body.dump()
  return answer.statusCode
}

/** Waits until the requests have published their results, and counts those. */
async function figures(
  world: World,
  service: Service,
  good: readonly Withheld[],
  watched: Watched
): Promise<Figures> {
  const isPublished = async ({ requestId }: Withheld) => {
    const { history } = await view(service, requestId)
    return history.some(({ event }) => event === 'result-published')
  }
  await Promise.all(
    good.map((member) => until('it is published', () => isPublished(member), 120_000))
  )
  return countResults(
    world,
    good.map(({ requestId }) => requestId),
    watched
  )
}

interface Watched {
  readonly slowestMs: number
  readonly residentMb: number
}

/** Counts the results with these job ids. */
async function countResults(
  world: World,
  jobIds: readonly string[],
  { slowestMs, residentMb }: Watched
): Promise<Figures> {
  const { resident, live } = { resident: Math.round(residentMb), live: Math.round(slowestMs) }
  must(resident < MOST_RESIDENT_MB, `it took ${resident} MB`)
  must(live < LIVE_WITHIN_MS, `liveness took ${live} ms`)
  const counts = await Promise.all(jobIds.map((id) => world.client.exists(world.results.toKey(id))))
  const results = counts.reduce((sum, found) => sum + found, 0)
  return {
    requests: jobIds.length,
    acknowledged: jobIds.length,
    kills: 0,
    results,
    lost: jobIds.length - results,
    doubled: 0,
    stuck: 0,
    extraSends: 0,
    remark: `${resident} MB at the most, liveness within ${live} ms`
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}
