import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../../simulator/free-port.ts'

/** `up` is from the client to the server, `down` is back. */
export type Direction = 'up' | 'down'

/** The chunk's way: which connection, counted from 1, and whereto. */
export interface Passing {
  readonly connection: number
  readonly direction: Direction
}

/** What is done to the bytes of one direction of an exchange. */
export interface Harm {
  /**
   * How many bytes of this direction pass before it; or a function of those seen so far, which says null as
   * long as it can't tell.
   */
  readonly after: number | ((seen: Buffer) => number | null)
  /**
   * `reset` breaks the connection off for both sides. `half-close` ends this direction alone. `silence` passes
   * nothing on any more, either way, and tells nobody.
   */
  readonly how: 'reset' | 'half-close' | 'silence'
}

/** What befalls one exchange; an empty one goes through untouched. */
export interface Fate {
  /** What a chunk waits for before it goes on, asked for as it arrives; those behind it wait with it. */
  readonly hold?: (chunk: Buffer, passing: Passing) => Promise<unknown> | undefined
  /** Looked at whenever a chunk goes on. */
  readonly up?: Harm | undefined
  readonly down?: Harm | undefined
}

/** A TCP proxy that can do harm. */
export interface Proxy {
  readonly port: number
  /** How many connections were broken off, half-closed or silenced so far. */
  readonly harms: number
  /** Breaks every open connection off. */
  resetAll(): void
  /** Every open connection is dead from now on, and nobody is told. */
  silenceAll(): void
  close(): void
}

/**
 * Puts a proxy before the server of a URL. An exchange begins with the first byte that goes up on a connection,
 * or up after one that came down; its fate is asked for then.
 */
export async function startProxy(
  target: string,
  fateOf: (connection: number) => Fate = () => ({})
): Promise<Proxy> {
  const { hostname, port } = new URL(target)
  const lines = new Set<Line>()
  let connections = 0
  let harms = 0
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    connections += 1
    const line = joined(connections, { client, upstream, fateOf, harmed: () => (harms += 1) })
    lines.add(line)
    client.once('close', () => lines.delete(line))
  })
  const own = await freePort()
  server.listen(own, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: own,
    get harms() {
      return harms
    },
    resetAll: () => lines.forEach((line) => line.strike('up', 'reset')),
    silenceAll: () => lines.forEach((line) => line.strike('up', 'silence')),
    close() {
      lines.forEach((line) => line.end())
      server.close()
    }
  }
}

interface Line {
  strike(direction: Direction, how: Harm['how']): void
  end(): void
}

interface Joint {
  readonly client: Socket
  readonly upstream: Socket
  readonly fateOf: (connection: number) => Fate
  readonly harmed: () => void
}

function joined(connection: number, { client, upstream, fateOf, harmed }: Joint): Line {
  const to = { up: upstream, down: client }
  const from = { up: client, down: upstream }
  const tails = { up: Promise.resolve(), down: Promise.resolve() }
  let exchange = beginning({})
  let latest: Direction = 'down'
  let isSilent = false

  for (const direction of ['up', 'down'] as const) {
    from[direction].on('data', (chunk: Buffer) => {
      if (direction === 'up' && latest === 'down') exchange = beginning(fateOf(connection))
      latest = direction
      const mine = exchange
      const held = mine.fate.hold?.(chunk, { connection, direction })
      inOrder(direction, async () => {
        await held
        pass(mine, direction, chunk)
      })
    })
    from[direction].on('error', () => {})
    from[direction].on('end', () => inOrder(direction, () => isSilent || to[direction].end()))
    from[direction].on('close', (hadError) => {
      if (isSilent) return
      if (hadError) to[direction].resetAndDestroy()
      else inOrder(direction, () => to[direction].destroySoon())
    })
  }
  return { strike, end }

  function inOrder(direction: Direction, task: () => unknown): void {
    tails[direction] = tails[direction].then(async () => void (await task()))
  }

  function pass({ fate, seen }: Exchange, direction: Direction, chunk: Buffer): void {
    const socket = to[direction]
    if (isSilent || !socket.writable) return
    const harm = fate[direction]
    if (harm === undefined) return void socket.write(chunk)
    const before = seen[direction].length
    seen[direction] = Buffer.concat([seen[direction], chunk])
    const after = typeof harm.after === 'number' ? harm.after : harm.after(seen[direction])
    if (after === null || seen[direction].length < after) return void socket.write(chunk)
    // Struck once the bytes before it have left: a reset would take them along.
    socket.write(chunk.subarray(0, Math.max(0, after - before)), () => strike(direction, harm.how))
  }

  function strike(direction: Direction, how: Harm['how']): void {
    if (isSilent || client.destroyed) return
    harmed()
    if (how === 'half-close') return void to[direction].end()
    if (how === 'silence') return void (isSilent = true)
    client.resetAndDestroy()
    upstream.resetAndDestroy()
  }

  function end(): void {
    client.destroy()
    upstream.destroy()
  }
}

interface Exchange {
  readonly fate: Fate
  readonly seen: Record<Direction, Buffer>
}

function beginning(fate: Fate): Exchange {
  return { fate, seen: { up: Buffer.alloc(0), down: Buffer.alloc(0) } }
}

/** The place in an HTTP message at a share of its body; 0 is where the body begins, 1 where the message ends. */
export function inBody(share: number): (seen: Buffer) => number | null {
  return (seen) => {
    const head = seen.indexOf('\r\n\r\n')
    if (head < 0) return null
    const length = /^content-length: *(?<bytes>\d+)/im.exec(
      seen.subarray(0, head).toString('latin1')
    )
    return head + 4 + Math.floor(Number(length?.groups?.['bytes'] ?? 0) * share)
  }
}
