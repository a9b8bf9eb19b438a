import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Scope } from '../../helpers/world.ts'

/** One connection through the gate: `far` is the side of Redis. */
interface Link {
  readonly near: Socket
  readonly far: Socket
}

/** A way to a Redis that can be closed for all but the service, which is known by the name of its user. */
export async function openGate(scope: Scope, user: string) {
  const others = new Set<Link>()
  let port = 0
  let isCut = false
  const server = createServer((near) => {
    near.on('error', () => {})
    near.once('data', (first: Buffer) => {
      const far = connect(port, '127.0.0.1')
      far.on('error', () => {})
      far.write(first)
      const link = { near, far }
      near.once('close', () => far.destroy())
      far.once('close', () => near.destroy())
      if (!first.includes(user)) others.add(link)
      if (others.has(link) && isCut) return stall(link)
      near.pipe(far)
      far.pipe(near)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const gate = server.address()
  if (gate === null || typeof gate === 'string') throw new Error('no port')
  scope.teardown(() => {
    for (const { near } of others) near.destroy()
    server.close()
  })
  return {
    /** Opens it to a port; tells its own. */
    to(redis: number): number {
      port = redis
      return gate.port
    },
    /** Whoever is not the service hears and is heard no more. */
    cut(): void {
      isCut = true
      for (const link of others) stall(link)
    },
    /** Lets everyone through again; who was cut off connects anew. */
    mend(): void {
      isCut = false
      for (const { near } of others) near.destroy()
      others.clear()
    }
  }
}

function stall({ near, far }: Link): void {
  near.unpipe(far)
  far.unpipe(near)
  near.pause()
  far.pause()
}
