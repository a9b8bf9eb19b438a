import { cp, mkdir, readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startConsumer } from '../../simulator/consumer.ts'
import { freePort } from '../../simulator/free-port.ts'
import { startRedis } from '../../simulator/private-redis.ts'
import type { RequestList } from '../../src/schemas/generated.ts'
import { ok } from '../helpers/callbacks.ts'
import { type Kitchen, openKitchen } from '../helpers/recipe.ts'
import { call, type Service } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import {
  accountOf,
  ask,
  atRest,
  inState,
  otherPorts,
  startWorld,
  sumOf,
  view,
  type World
} from '../helpers/world.ts'

// A backup of a Redis at work, and the way back from it, by the lines of docs/operate/backup-and-restore.md.

const WAYS = [
  ['a snapshot', 'snapshot', 'restore-snapshot'],
  ['a copy of the append-only files', 'copy', 'restore-copy']
] as const

for (const [what, backUp, restore] of WAYS) {
  t.test(`${what}, taken under load, brings all back that there was`, async (t) => {
    const world = await startWorld(t, { ownRedis: true, khipu: { callbackDelayMs: 100 } })
    const kitchen = await openKitchen(t)
    const before = await liveOnFrom(world, () =>
      kitchen.run(backUp, {
        REDIS_URL: world.redis.url,
        REDIS_DATA: world.redis.folder ?? ''
      })
    )
    await kitchen.run(restore, { PORT: String(await freePort()) })
    const { url } = await kitchen.startRedis('data')
    await comeBack(t, world, url, before)
  })
}

t.test('a snapshot alone is not looked at by a Redis with an append-only file', async (t) => {
  const kitchen = await backUpOf(t, 'snapshot')
  const data = join(kitchen.folder, 'data')
  await mkdir(data)
  await cp(join(kitchen.folder, 'khipu.rdb'), join(data, 'dump.rdb'))
  t.equal(await keysOf(t, (await kitchen.startRedis('data')).url), 0)
})

t.test(
  'an append-only file that was cut short in its last command is read up to there',
  async (t) => {
    const kitchen = await backUpOf(t, 'copy')
    await kitchen.run('restore-copy', { PORT: String(await freePort()) })
    const folder = join(kitchen.folder, 'data', 'appendonlydir')
    const name = (await readdir(folder)).find((one) => one.endsWith('.incr.aof')) ?? ''
    await truncate(join(folder, name), (await stat(join(folder, name))).size - 5)
    t.equal(await keysOf(t, (await kitchen.startRedis('data')).url), 99)
  }
)

/** A backup of a Redis with a hundred keys. */
async function backUpOf(t: Test, mark: 'snapshot' | 'copy'): Promise<Kitchen> {
  const redis = await startRedis({ url: null })
  t.teardown(() => redis.stop())
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  for (let key = 0; key < 100; key++) await client.set(`key-${key}`, 'value')
  const kitchen = await openKitchen(t)
  await kitchen.run(mark, { REDIS_URL: redis.url, REDIS_DATA: redis.folder ?? '' })
  return kitchen
}

async function keysOf(t: Test, url: string): Promise<number> {
  const client = new Redis(url)
  t.teardown(() => client.disconnect())
  return client.dbsize()
}

const sample = JSON.stringify(ok())
const post = (url: string) => call(url, { method: 'POST', body: sample })

/** What there was when Redis was lost. */
interface Before {
  /** Ended after the backup, and its result was consumed. */
  readonly endedSince: string
  readonly parked: string
  readonly awaiting: string
  /** Accepted after the backup. */
  readonly acceptedSince: string
  /** Whose results a consumer has had. */
  readonly consumed: ReadonlySet<string>
}

/** Requests of all kinds, a backup in the middle of them, some more, and then Redis is lost. */
async function liveOnFrom(world: World, backUp: () => Promise<void>): Promise<Before> {
  const service = await world.start()
  const consumer = startConsumer({
    redisUrl: world.redis.url,
    prefix: world.env['QUEUE_PREFIX'] ?? '',
    log: () => {}
  })
  const endedSince = await ask(service, accountOf('1205', 1))
  const awaiting = await ask(service, accountOf('1205', 2))
  const parked = await ask(service, accountOf('1106', 1))
  for (const one of [endedSince, awaiting]) await inState(service, one, 'awaiting-callback')
  await inState(service, parked, 'parked')

  const crowd = askOnAndOn(service)
  await until('results come in', () => consumer.results.length >= 20)
  await backUp()
  const acceptedSince = await ask(service, accountOf('1001', 9999))
  await post(urlOf(world, accountOf('1205', 1)))
  const ids = [...(await crowd.stop()), endedSince, acceptedSince]
  const consumed = await until('their results are consumed', () => {
    const had = new Set(consumer.results.map(({ requestId }) => requestId))
    return ids.every((id) => had.has(id)) ? had : null
  })
  await consumer.close()
  await service.stop()
  await world.redis.kill()
  return { endedSince, parked, awaiting, acceptedSince, consumed }
}

/** Asks for one account after the other, until it is told to stop; then tells what it has asked for. */
function askOnAndOn(service: Service) {
  let isOver = false
  const ids: string[] = []
  const asking = (async () => {
    for (let number = 0; !isOver; number++) {
      ids.push(await ask(service, accountOf('1001', number)))
    }
  })()
  // Where the test has failed before, nobody waits for it.
  asking.catch(() => {})
  return {
    async stop(): Promise<readonly string[]> {
      isOver = true
      await asking
      return ids
    }
  }
}

/** A server first; what the consumer has had is cancelled; then a worker. */
async function comeBack(t: Test, world: World, url: string, before: Before): Promise<void> {
  const { consumed, endedSince, parked, awaiting, acceptedSince } = before
  const sent = world.khipu.calls.length
  const server = await world.start({ REDIS_URL: url, ROLE: 'server' })
  t.equal((await server.api('GET', `/v1/requests/${acceptedSince}`)).status, 404)
  t.equal((await post(urlOf(world, accountOf('1001', 9999)))).status, 404)
  const open = await openOf(server)
  for (const one of [endedSince, parked, awaiting]) t.ok(open.includes(one))

  const again = open.filter((id) => consumed.has(id))
  for (const id of again) {
    const { status } = await server.api('POST', `/v1/requests/${id}/cancel`)
    // One whose callback was in the backup has just ended by it.
    t.ok(status === 200 || status === 409, `cancelled: ${status}`)
  }
  t.equal((await post(urlOf(world, accountOf('1205', 2)))).status, 200)
  const worker = { REDIS_URL: url, ROLE: 'worker', ...(await otherPorts()) }
  await world.start(worker)
  await server.api('POST', '/v1/notifications', { requestIds: [parked] })
  t.match(await atRest(server, awaiting), { state: 'delivered', attempts: 1 })
  t.match(await atRest(server, parked), { state: 'delivered', attempts: 2 })
  t.match(await view(server, endedSince), { state: 'cancelled' })

  t.equal(world.khipu.calls.length, sent + 1, 'Khipu was asked for what was parked, and no more')
  t.equal(await sumOf(server, 'khipu_requests_live'), 0)
  t.equal(await sumOf(server, 'khipu_requests_unaccounted'), 0)
  const consumer = startConsumer({
    redisUrl: url,
    prefix: world.env['QUEUE_PREFIX'] ?? '',
    log: () => {}
  })
  t.teardown(() => consumer.close())
  const isNew = () => consumer.results.filter(({ requestId }) => !consumed.has(requestId))
  await until('the new results are there', () => isNew().length >= 2)
  t.same(
    isNew()
      .map(({ requestId }) => requestId)
      .toSorted(),
    [awaiting, parked].toSorted()
  )
  t.comment(`${consumed.size} consumed before, ${again.length} of them open in the backup`)
}

async function openOf(server: Service): Promise<readonly string[]> {
  const states = ['queued', 'sending', 'awaiting-callback', 'retry-scheduled', 'parked']
  const pages = await Promise.all(
    states.map((state) => server.api<RequestList>('GET', `/v1/requests?state=${state}&limit=200`))
  )
  return pages.flatMap(({ body }) => body.items.map(({ requestId }) => requestId))
}

/** The first CallbackUrl that Khipu was given for an account. */
function urlOf({ khipu }: World, account: string): string {
  return khipu.calls.find((one) => one.account === account)?.callbackUrl ?? ''
}
