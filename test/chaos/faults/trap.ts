import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../../simulator/free-port.ts'
import { type Command, createCommandReader, partOf, stepOf } from './redis-commands.ts'

/** A place in the life of a request at which a process can die. */
export interface Point {
  /** The step, and the how-manieth of its kind since the trap was armed: `commit 2`. */
  readonly step: string
  /** Before it reached Redis or Khipu; or after they did it, and before the answer came back. */
  readonly side: 'before' | 'after'
}

/** Stands between one process and both Redis and Khipu, and holds everything once a point is reached. */
export interface Trap {
  readonly redisUrl: string
  readonly khipuUrl: string
  /** Every step since the trap was armed, in their order, the caught one included. */
  readonly steps: readonly string[]
  /** Resolves once the point was reached: from then on nothing passes, in no direction. */
  readonly sprung: Promise<void>
  /** Begins to count; without a point it lets everything through. */
  arm(point: Point | null): void
  /** Lets everything through from now on; but true, once it is sprung, where the point was being reached already. */
  disarm(): Promise<boolean>
  close(): void
}

/** What the trap stands between. */
export interface Surroundings {
  readonly redisUrl: string
  readonly khipuUrl: string
  /** The scripts' names by their SHA-1. */
  readonly names: ReadonlyMap<string, string>
}

/** The step of a POST to Khipu. */
export const POST = 'POST'

/** Opens a trap for one process. */
export async function openTrap({ redisUrl, khipuUrl, names }: Surroundings): Promise<Trap> {
  const watch = createWatch()
  const redis = await openDoor(redisUrl, (...sides) => guardRedis(watch, names, ...sides))
  const khipu = await openDoor(khipuUrl, (...sides) => guardKhipu(watch, ...sides))
  return {
    redisUrl: `redis://127.0.0.1:${redis.port}`,
    khipuUrl: `http://127.0.0.1:${khipu.port}`,
    steps: watch.steps,
    sprung: watch.sprung,
    arm: watch.arm,
    async disarm() {
      watch.arm(null)
      if (watch.isFrozen()) await watch.sprung
      return watch.isFrozen()
    },
    close() {
      redis.close()
      khipu.close()
    }
  }
}

type Watch = ReturnType<typeof createWatch>

function createWatch() {
  const { promise: sprung, resolve } = Promise.withResolvers<void>()
  const steps: string[] = []
  const counts = new Map<string, number>()
  const wokenQueues = new Set<string>()
  const state = { isArmed: false, isFrozen: false, point: null as Point | null }
  return {
    steps,
    sprung,
    isFrozen: () => state.isFrozen,
    hasPoint: () => state.point !== null,
    arm(point: Point | null) {
      Object.assign(state, { isArmed: true, point })
    },
    /** Counts a step; on which side of it the trap is to close, if it is. */
    count(name: string): Point['side'] | null {
      if (!state.isArmed || state.isFrozen) return null
      const number = (counts.get(name) ?? 0) + 1
      counts.set(name, number)
      const step = `${name} ${number}`
      steps.push(step)
      return state.point?.step === step ? state.point.side : null
    },
    woken: (queue: string) => void wokenQueues.add(queue),
    /** True for a worker that asks for a job now and then although nothing has woken it. */
    isIdle(step: string): boolean {
      const [name, queue = ''] = step.split(' ')
      return name === 'moveToActive' && !wokenQueues.delete(queue)
    },
    freeze: () => void (state.isFrozen = true),
    spring() {
      state.isFrozen = true
      resolve()
    }
  }
}

async function openDoor(url: string, guard: (client: Socket, server: Socket) => void) {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const listener = createServer((client) => {
    const server = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [client, server],
      [server, client]
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    guard(client, server)
  })
  const port = await freePort()
  listener.listen(port, '127.0.0.1')
  await once(listener, 'listening')
  return {
    port,
    close() {
      listener.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}

function guardRedis(
  watch: Watch,
  names: ReadonlyMap<string, string>,
  client: Socket,
  redis: Socket
): void {
  const read = createCommandReader()
  let waitsFor: string | null = null
  let echo: string | null = null
  client.on('data', (chunk) => {
    const commands = read(chunk)
    // A stranger who was told this port when it was another's.
    if (commands === null) return void client.destroy()
    for (const command of commands) {
      if (watch.isFrozen()) return
      waitsFor = markerOf(command)
      const step = stepOf(command, names)
      const side = step === null || watch.isIdle(step) ? null : watch.count(step)
      if (side === 'before') return watch.spring()
      redis.write(command.bytes)
      if (side === null) continue
      // Redis works a connection off in order: once this is echoed, the command before it was executed.
      watch.freeze()
      echo = randomUUID()
      redis.write(`*2\r\n$4\r\nECHO\r\n$36\r\n${echo}\r\n`)
    }
  })
  redis.on('data', (chunk) => {
    if (watch.isFrozen()) {
      if (echo !== null && chunk.includes(echo)) watch.spring()
      return
    }
    if (waitsFor !== null && chunk.toString('latin1', 0, 2) === '*3') watch.woken(waitsFor)
    client.write(chunk)
  })
}

// A worker that has nothing to do waits for a marker of its queue.
function markerOf({ words: [verb = '', key = ''] }: Command): string | null {
  return verb.toLowerCase() === 'bzpopmin' ? partOf(key) : null
}

function guardKhipu(watch: Watch, client: Socket, khipu: Socket): void {
  let isHeld = false
  client.on('data', (chunk) => {
    if (watch.isFrozen()) return
    if (chunk.toString('latin1', 0, 5) === 'POST ') {
      const side = watch.count(POST)
      if (side === 'before') return watch.spring()
      isHeld = side === 'after'
    }
    khipu.write(chunk)
  })
  khipu.on('data', (chunk) => {
    if (isHeld && watch.hasPoint()) return watch.spring()
    if (!watch.isFrozen()) client.write(chunk)
  })
}
