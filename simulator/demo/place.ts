import type { PrivateRedis } from '../private-redis.ts'

/** Where a Redis is, without what its URL may hold besides. */
export function placeOf({ url, pid }: PrivateRedis): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}, ${pid === undefined ? 'as REDIS_URL says' : 'private'}`
}
