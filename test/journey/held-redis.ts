import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../simulator/free-port.ts'

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
  const { hostname, port } = new URL(redisUrl)
  const sockets = new Set<Socket>()
  let held: (() => void)[] | null = []
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname)
    let greeted = false
    client.on('data', (chunk) => {
      if (held !== null && greeted) held.push(() => redis.write(chunk))
      else redis.write(chunk)
      greeted ||= /\binfo\b/i.test(chunk.toString('latin1'))
    })
    redis.on('data', (chunk) => client.write(chunk))
    for (const [one, other] of [
      [client, redis],
      [redis, client]
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
  })
  const own = await freePort()
  server.listen(own, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${own}`,
    letGo() {
      held?.forEach((send) => send())
      held = null
    },
    close() {
      sockets.forEach((socket) => socket.destroy())
      server.close()
    }
  }
}
