import { Redis } from 'ioredis'

/** Removes every key with this queue prefix from a Redis that is not ours to end. */
export async function removeKeys(url: string, queuePrefix: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 3 })
  redis.on('error', () => {})
  try {
    for await (const keys of redis.scanStream({ match: `*${queuePrefix}:*`, count: 1000 })) {
      if (Array.isArray(keys) && keys.length > 0) await redis.unlink(...(keys as string[]))
    }
  } finally {
    redis.disconnect()
  }
}
