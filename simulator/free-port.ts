import { once } from 'node:events'
import { createServer } from 'node:net'
import { randomInt } from 'node:crypto'

/** Within this whoever asked for a port listens on it. */
const RESERVED_MS = 60_000
const reserved = new Map<number, number>()

/** A port of 127.0.0.1 that nothing listens on, and nobody here is about to; outside the range of outgoing connections. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(20_000, 30_000)
    if (performance.now() < (reserved.get(port) ?? 0)) continue
    reserved.set(port, performance.now() + RESERVED_MS)
    if (await isFree(port)) return port
  }
  throw new Error('no free port between 20000 and 29999')
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return true
  } catch {
    return false
  }
}
