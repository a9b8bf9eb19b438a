import type { Redis } from 'ioredis'

/** One key of the ledger, without its tag, and all that it holds; values in base64. */
export interface StoredKey {
  readonly name: string
  readonly type: 'string' | 'hash' | 'set' | 'zset' | 'stream'
  /** A string's value, the members of a set, the members and scores of a zset, the fields and values of a hash, the entries of a stream as JSON. */
  readonly values: readonly string[]
}

/** Every key under a tag but those of the queues, by name: what the queues hold is rebuilt from it. */
export async function readKeys(redis: Redis, tag: string): Promise<StoredKey[]> {
  const names = (await redis.keys(`${tag}:*`)).map((key) => key.slice(tag.length + 1))
  const own = names.filter((name) => !/^(?:send|paced|callback|deadline):/.test(name)).toSorted()
  return Promise.all(own.map((name) => readKey(redis, tag, name)))
}

async function readKey(redis: Redis, tag: string, name: string): Promise<StoredKey> {
  const key = `${tag}:${name}`
  const type = (await redis.type(key)) as StoredKey['type']
  const values = {
    string: async () => [(await redis.getBuffer(key)) ?? Buffer.alloc(0)],
    set: () => redis.smembersBuffer(key),
    zset: () => redis.zrangeBuffer(key, '0', '-1', 'WITHSCORES'),
    stream: async () =>
      (await redis.xrange(key, '-', '+')).map((entry) => Buffer.from(JSON.stringify(entry))),
    hash: async () =>
      Object.entries(await redis.hgetallBuffer(key)).flatMap(([field, value]) => [
        Buffer.from(field),
        value
      ])
  }
  return { name, type, values: (await values[type]()).map((value) => value.toString('base64')) }
}

/** Writes keys back under a tag; those that would have expired stay. */
export async function writeKeys(redis: Redis, tag: string, keys: readonly StoredKey[]) {
  for (const { name, type, values } of keys) {
    const key = `${tag}:${name}`
    const bytes = values.map((value) => Buffer.from(value, 'base64'))
    if (type === 'string') await redis.set(key, bytes[0] ?? '')
    if (type === 'hash') await redis.hset(key, ...bytes)
    if (type === 'set') await redis.sadd(key, ...bytes)
    if (type === 'stream') {
      for (const entry of bytes) {
        const [id, fields] = JSON.parse(entry.toString()) as [string, string[]]
        await redis.xadd(key, id, ...fields)
      }
    }
    if (type === 'zset') await redis.zadd(key, ...pairs(bytes))
  }
}

/** Redis reads scores first and members second, and tells them the other way round. */
function pairs(bytes: readonly Buffer[]): Buffer[] {
  return bytes.flatMap((_, index) => {
    const [member, score] = index % 2 === 0 ? bytes.slice(index, index + 2) : []
    return member && score ? [score, member] : []
  })
}

/** The same text with every instant in it that much earlier. */
export function earlier(text: string, ms: number): string {
  return text.replaceAll(/(?<!\d)1[78]\d{11}(?!\d)/g, (instant) => String(Number(instant) - ms))
}

/** The same key with every instant in it that much earlier; what is sealed stays as it is. */
export function earlierKey({ name, type, values }: StoredKey, ms: number): StoredKey {
  const aged = values.map((value) => {
    const text = Buffer.from(value, 'base64').toString('latin1')
    const isText = /^[\x20-\x7e]*$/.test(text)
    return isText ? Buffer.from(earlier(text, ms)).toString('base64') : value
  })
  return { name: earlier(name, ms), type, values: aged }
}
