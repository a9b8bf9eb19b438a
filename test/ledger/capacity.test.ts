import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis } from '../../simulator/private-redis.ts'
import { concernsOf, isFull, watchCapacity } from '../../src/ledger/capacity.ts'
import { openLog } from '../support/service.ts'
import { until } from '../support/until.ts'

const CONCERNS: readonly [what: string, info: string, concerns: number][] = [
  ['a Redis that keeps everything', 'maxmemory_policy:noeviction\r\naof_enabled:1\r\n', 0],
  ['one that evicts', 'maxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n', 1],
  ['one without an append-only file', 'maxmemory_policy:noeviction\r\naof_enabled:0\r\n', 1],
  ['one with neither', 'maxmemory_policy:volatile-ttl\r\naof_enabled:0\r\n', 2],
  ['one that tells nothing', '', 0]
]
for (const [what, info, concerns] of CONCERNS) {
  t.test(`${what} is ${concerns} concerns`, async (t) => {
    t.equal(concernsOf(info).length, concerns)
  })
}

const memory = (used: number, most: number) =>
  `# Memory\r\nused_memory:${used}\r\nused_memory_peak:999\r\nmaxmemory:${most}\r\nmaxmemory_policy:noeviction\r\n`

const MEMORY: readonly [what: string, info: string, full: boolean][] = [
  ['without a limit', memory(1_000_000, 0), false],
  ['empty', memory(0, 100), false],
  ['at 75 %', memory(75, 100), false],
  ['over 75 %', memory(76, 100), true],
  ['over its limit', memory(101, 100), true],
  ['that tells nothing', '', false]
]

for (const [what, info, full] of MEMORY) {
  t.test(`a Redis ${what} counts as ${full ? 'full' : 'free'}`, async (t) => {
    t.equal(isFull(info), full)
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
  t.equal(lines.filter((line) => line.includes('not set up to keep')).length, 1)
})

t.test('a Redis that is full, or away, can store nothing', async (t) => {
  const server = await startRedis({ url: null })
  t.teardown(() => server.stop())
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  const capacity = watchCapacity(redis, openLog().log)
  t.teardown(() => capacity.close())
  await until('it is there', () => capacity.canStore())
  t.equal(capacity.isFull(), false)
  await redis.config('SET', 'maxmemory', '1')
  await until('it is full', () => capacity.isFull())
  t.equal(capacity.canStore(), false)
  await redis.config('SET', 'maxmemory', '0')
  await until('there is room again', () => capacity.canStore())
  redis.disconnect()
  await until('it is away', () => redis.status === 'end')
  t.equal(capacity.canStore(), false)
  t.equal(capacity.isFull(), false)
})
