import { isServer, parseRedisUrl } from '../../src/config/redis-url.ts'
import type { RedisAddress } from '../../src/redis/connect.ts'

/** Where Redis is, as the configuration would say it of this REDIS_URL. */
export function addressOf(url: string): RedisAddress {
  const server = parseRedisUrl(url)
  if (!isServer(server)) throw new Error(`no address of Redis: ${server.join()}`)
  return { ...server, ca: null }
}
