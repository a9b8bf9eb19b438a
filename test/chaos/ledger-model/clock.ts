import type { Redis } from 'ioredis'

/**
 * The clock of a model: it stands still until it is moved, so that a run can be repeated to the millisecond
 * and hours pass in no time. The ledger's scripts read it where they would read Redis's TIME; what expires
 * does so by it, and so does the time that passes in this process; and this process's own clock (which BullMQ goes by) shows the same, or as much more or less as
 * is wished.
 */
export interface Clock {
  readonly now: number
  pass(ms: number): Promise<void>
  /** How far the clock of this process is ahead of Redis's, in ms. */
  skew(ms: number): void
  /** Makes the scripts and TIME of a connection follow; before any script is defined on it. */
  rule(redis: Redis): void
  /** Gives this process its own clock back. */
  release(): void
}

const TIME = "redis.call('TIME')"
/** Keys that expire by Redis's clock, as the names of their kinds; BullMQ's locks are not among them. */
const EXPIRING = ['refused', 'releaser', 'idempotency']
const PASS = `
redis.call('SET', KEYS[1], ARGV[1])
for _, name in ipairs({ ${EXPIRING.map((name) => `'${name}'`).join(', ')} }) do
  for _, key in ipairs(redis.call('KEYS', ARGV[3] .. ':' .. name .. ':*')) do
    local left = redis.call('PTTL', key)
    if left > 0 then redis.call('PEXPIRE', key, math.max(0, left - ARGV[2])) end
  end
end
`

/** Starts a clock for the partition with that tag, at the real time; `redis` is a connection of the test's own. */
export async function startClock(redis: Redis, tag: string): Promise<Clock> {
  const realNow = Date.now
  const realElapsed = performance.now
  const key = `${tag}:clock`
  let now = realNow()
  let skew = 0
  const pass = async (ms: number) => {
    now += ms
    await redis.eval(PASS, 1, key, now, ms, tag)
  }
  await pass(0)
  Date.now = () => now + skew
  const begun = now
  performance.now = () => now - begun
  return {
    get now() {
      return now
    },
    pass,
    skew: (ms) => void (skew = ms),
    rule(connection) {
      const define = connection.defineCommand.bind(connection)
      connection.defineCommand = (name, definition) => {
        const read = `redis.call('GET', tag .. ':clock')`
        const lua = definition.lua.replaceAll(TIME, `{ 0, ${read} * 1000 }`)
        define(name, { ...definition, lua })
      }
      connection.time = async () => [Math.floor(now / 1000), (now % 1000) * 1000]
    },
    release() {
      Date.now = realNow
      performance.now = realElapsed
    }
  }
}
