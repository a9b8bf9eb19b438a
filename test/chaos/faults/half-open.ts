import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../../simulator/free-port.ts'

/** A wire to Redis that can go dead without either end hearing of it. */
export interface Wire {
  readonly url: string
  /** From now on the connections of this moment swallow everything, both ways, and never end; new ones work. */
  goDead(): void
}

/** Lays a wire to a Redis. */
export async function layWire(
  scope: { teardown(task: () => unknown): void },
  redisUrl: string
): Promise<Wire> {
  const { hostname, port } = new URL(redisUrl)
  const connections = new Set<{ isDead: boolean }>()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname)
    const connection = { isDead: false }
    connections.add(connection)
    for (const [from, to] of [
      [client, redis],
      [redis, client]
    ] as const) {
      sockets.add(from)
      from.on('data', (chunk) => connection.isDead || to.write(chunk))
      from.on('error', () => {})
      from.on('close', () => connection.isDead || to.destroy())
    }
  })
  const own = await freePort()
  server.listen(own, '127.0.0.1')
  await once(server, 'listening')
  scope.teardown(() => {
    sockets.forEach((socket) => socket.destroy())
    server.close()
  })
  return {
    url: `redis://127.0.0.1:${own}`,
    goDead: () => connections.forEach((connection) => (connection.isDead = true))
  }
}
