import { startProxy } from '../chaos/faults/proxy.ts'

/** A Redis behind a door: it greets who comes, and then says nothing until it is let go. */
export interface HeldRedis {
  readonly url: string
  /** From now on everything goes through, what was held first. */
  letGo(): void
  close(): void
}

/**
 * Holds everything that a client sends after its first INFO, with which ioredis finds out whether
 * Redis is ready: so that the client takes the connection for good, and its first command hangs.
 */
export async function holdRedis(redisUrl: string): Promise<HeldRedis> {
  const { promise: letGo, resolve } = Promise.withResolvers<void>()
  const greeted = new Set<number>()
  const proxy = await startProxy(redisUrl, () => ({
    hold(chunk, { connection, direction }) {
      if (direction === 'down') return undefined
      const isHeld = greeted.has(connection)
      if (/\binfo\b/i.test(chunk.toString('latin1'))) greeted.add(connection)
      return isHeld ? letGo : undefined
    }
  }))
  return { url: `redis://127.0.0.1:${proxy.port}`, letGo: resolve, close: () => proxy.close() }
}
