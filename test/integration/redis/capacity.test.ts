import { Redis } from 'ioredis'
import t from 'tap'
import { freePort } from '../../../simulator/free-port.ts'
import { startRedis } from '../../../simulator/private-redis.ts'
import { filledOf, watchCapacity } from '../../../src/redis/capacity.ts'
import { redisWarnings } from '../../../src/redis/diagnostics.ts'
import { openLog } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

const CONCERNS = [
  ['a Redis that keeps everything', 'maxmemory_policy:noeviction\r\naof_enabled:1\r\n', 0],
  ['one that evicts', 'maxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n', 1],
  ['one without an append-only file', 'maxmemory_policy:noeviction\r\naof_enabled:0\r\n', 1],
  ['one with neither', 'maxmemory_policy:volatile-ttl\r\naof_enabled:0\r\n', 2],
  ['one with room for clients', 'connected_clients:9\r\nmaxclients:10\r\n', 0],
  ['one without', 'connected_clients:10\r\nmaxclients:10\r\n', 1],
  ['a replica', 'role:slave\r\naof_enabled:1\r\n', 1],
  ['one that is too old', 'redis_version:6.0.16\r\n', 1],
  ['one that is old enough', 'redis_version:6.2.0\r\n', 0],
  ['one that is much newer', 'redis_version:10.0.0\r\n', 0],
  ['one that tells little', 'redis_version:7.0.15\r\n', 0],
  ['one that tells nothing', '', 1]
] as const
for (const [what, info, concerns] of CONCERNS) {
  t.test(`${what} is ${concerns} concerns`, async (t) => {
    t.equal(redisWarnings(info).length, concerns)
  })
}

for (const [appendfsync, concerns] of [
  ['always', 0],
  ['everysec', 1],
  ['no', 1],
  [null, 0]
] as const) {
  t.test(`appendfsync ${appendfsync ?? 'that is not told'} is ${concerns} concerns`, async (t) => {
    const [, keeps] = CONCERNS[0]
    const wanted = { appendfsync, ackReplicas: 0, isCluster: false }
    t.equal(redisWarnings(keeps, wanted).length, concerns)
    t.equal(redisWarnings('aof_enabled:0\r\n', wanted).length, 1, 'without a file it is nothing')
  })
}

const memory = (used: number, most: number) =>
  `# Memory\r\nused_memory:${used}\r\nused_memory_peak:999\r\nmaxmemory:${most}\r\nmaxmemory_policy:noeviction\r\n`

const MEMORY: readonly [what: string, info: string, filled: number][] = [
  ['without a limit', memory(1_000_000, 0), 0],
  ['empty', memory(0, 100), 0],
  ['at 75 %', memory(75, 100), 0.75],
  ['over its limit', memory(101, 100), 1.01],
  ['that tells nothing', '', 0]
]

for (const [what, info, filled] of MEMORY) {
  t.test(`a Redis ${what} is filled to ${filled}`, async (t) => {
    t.equal(filledOf(info), filled)
  })
}

t.test('a Redis that is set up wrong is told of once, and until it is mended', async (t) => {
  const server = await startRedis({ url: null })
  t.teardown(() => server.stop())
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  let looks = 0
  const watched = new Proxy(redis, {
    get(target, name) {
      if (name === 'info') looks += 1
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  const { log, lines } = openLog()
  const capacity = watchCapacity(watched, log)
  t.teardown(() => capacity.close())
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  await until('it is noticed', () => capacity.concerns().length === 1)
  const noticed = looks
  await until('it is seen again', () => looks > noticed + 1)
  t.match(capacity.concerns()[0], /noeviction/)
  await redis.config('SET', 'maxmemory-policy', 'noeviction')
  await until('it is mended', () => capacity.concerns().length === 0)
  t.equal(lines.filter((line) => line.includes('redis configuration unsafe')).length, 1)
})

t.test('a Redis that syncs late is told of, where the default user asks', async (t) => {
  const server = await startRedis({ url: null, args: ['--appendfsync', 'everysec'] })
  t.teardown(() => server.stop())
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  await redis.call('ACL', 'SETUSER', 'modest', 'on', '>secret', '~*', '+info', '+ping')
  const modest = new Redis(server.url, {
    username: 'modest',
    password: 'secret',
    disableClientInfo: true
  })
  t.teardown(() => modest.disconnect())
  const [told, untold] = [redis, modest].map((each) => watchCapacity(each, openLog().log))
  t.teardown(() => [told, untold].forEach((each) => each?.close()))
  await until('it is noticed', () => told?.concerns().length === 1)
  t.match(told?.concerns()[0], /appendfsync everysec/)
  await redis.config('SET', 'appendfsync', 'always')
  await until('it is mended', () => told?.concerns().length === 0)
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  await until('the other one still looks', () => untold?.concerns().length === 1)
  t.match(untold?.concerns()[0], /noeviction/)
  t.same(await redis.call('ACL', 'LOG'), [], 'and asks for nothing that it may not have')
})

t.test('a Redis without the replicas that are awaited, or of a Cluster, is told of', async (t) => {
  // By default it is 10000 higher than the port, where outgoing connections have theirs.
  const bus = ['--cluster-port', String(await freePort())]
  const server = await startRedis({ url: null, args: ['--cluster-enabled', 'yes', ...bus] })
  t.teardown(() => server.stop())
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  const capacity = watchCapacity(redis, openLog().log, 2)
  t.teardown(() => capacity.close())
  await until('it is noticed', () => capacity.concerns().length === 2)
  t.match(capacity.concerns(), [/REDIS_CLUSTER/, /it has 0 replicas, .* without 2/])
})

t.test('a Redis that refuses to tell of itself is told of', async (t) => {
  const server = await startRedis({ url: null })
  t.teardown(() => server.stop())
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  await redis.call('ACL', 'SETUSER', 'secretive', 'on', '>secret', '~*', '+ping')
  const user = { username: 'secretive', password: 'secret', enableReadyCheck: false }
  const secretive = new Redis(server.url, user)
  t.teardown(() => secretive.disconnect())
  const capacity = watchCapacity(secretive, openLog().log)
  t.teardown(() => capacity.close())
  await until('it is noticed', () => capacity.concerns().length === 1)
  t.match(capacity.concerns()[0], /refuses INFO/)
})

t.test('a Redis that is full, or away, can store nothing', async (t) => {
  const server = await startRedis({ url: null })
  t.teardown(() => server.stop())
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  const { log, lines } = openLog()
  const capacity = watchCapacity(redis, log)
  t.teardown(() => capacity.close())
  await until('it is there', () => capacity.canStore())
  t.equal(capacity.isFull(), false)
  await redis.config('SET', 'maxmemory', '1')
  await until('it is full', () => capacity.isFull())
  t.equal(capacity.canStore(), false)
  t.ok(capacity.filled() > 0.75)
  await redis.config('SET', 'maxmemory', '0')
  await until('there is room again', () => capacity.canStore())
  const said = lines.filter((line) => /nearly full|room again/.test(line))
  t.equal(said.length, 2, 'it says so once, and once that it is over')
  redis.disconnect()
  await until('it is away', () => redis.status === 'end')
  t.equal(capacity.canStore(), false)
  t.equal(capacity.isFull(), false)
})
