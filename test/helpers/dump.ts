import type { Redis } from 'ioredis'
import { keysWith } from './service.ts'

/** Every key with the text in its name, but for what BullMQ notes of its queues, with all that it holds. */
export async function dump(redis: Redis, text: string): Promise<Map<string, Buffer>> {
  const keys = (await keysWith(redis, text)).filter((key) => !key.endsWith(':meta'))
  const values = await Promise.all(keys.map((key) => read(redis, key)))
  return new Map(keys.map((key, index) => [key, values[index] ?? Buffer.alloc(0)]))
}

/** The keys that show a secret in their name or value, plainly or in an encoding that anyone can undo. */
export function keysThatShow(dumped: ReadonlyMap<string, Buffer>, secret: string): string[] {
  const bytes = Buffer.from(secret)
  if (bytes.length < 12) throw new Error('too short to be told from chance')
  const spellings = [bytes, bytes.toString('hex'), ...[0, 1, 2].map((at) => base64Core(bytes, at))]
  return [...dumped]
    .filter(([key, value]) =>
      spellings.some((one) => key.includes(String(one)) || value.includes(one))
    )
    .map(([key]) => key)
}

/** What base64 makes of the bytes wherever they begin, without the edges that depend on neighbours. */
function base64Core(bytes: Buffer, at: number): string {
  return Buffer.concat([Buffer.alloc(at), bytes])
    .toString('base64')
    .slice(4, -4)
}

async function read(redis: Redis, key: string): Promise<Buffer> {
  const whole = await readers.get(await redis.type(key))?.(redis, key)
  if (whole === undefined) throw new Error(`no reader for ${key}`)
  const parts = [whole].flat(4) as (Buffer | string)[]
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

/** By their names: a hash has no order of its own. */
function inOrder<T>(entries: readonly [string, T][]): [string, T][] {
  return entries.toSorted(([one], [other]) => (one < other ? -1 : 1))
}

const readers = new Map<string, (redis: Redis, key: string) => Promise<unknown>>([
  ['string', (redis, key) => redis.getBuffer(key)],
  ['hash', async (redis, key) => inOrder(Object.entries(await redis.hgetallBuffer(key)))],
  ['list', (redis, key) => redis.lrangeBuffer(key, 0, -1)],
  ['set', (redis, key) => redis.smembersBuffer(key)],
  ['zset', (redis, key) => redis.zrangeBuffer(key, '0', '-1')],
  ['stream', (redis, key) => redis.xrangeBuffer(key, '-', '+')]
])
