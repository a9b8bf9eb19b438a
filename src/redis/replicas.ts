import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Connection } from './connect.ts'

/** Waits until a write has reached the required number of replicas (ACK_REPLICAS). */
export interface Replicas {
  /** Whether any replica is required. */
  readonly areAwaited: boolean
  /**
   * Resolves with the result of the write, once the replicas have it. Rejects where they may lack it; Redis itself may
   * have it then. Where no replica is required, a write counts as soon as Redis has it.
   */
  reached<T>(write: () => Promise<T>): Promise<T>
}

/** How long Redis waits for the replicas, in ms. Later commands on the connection wait, too. */
const WAIT_MS = 500

/** Fewer replicas than required may have the write. */
export class NotReplicated extends Error {
  override readonly name = 'NotReplicated'
}

/**
 * One WAIT covers all earlier writes. So there is one WAIT at a time, and the next one serves all writes that came
 * meanwhile. After a reconnection WAIT would describe another primary, perhaps one without the write. So the writes
 * from before a reconnection are not confirmed.
 *
 * WAIT covers the last write of its own connection. Since Redis 7.2 it waits for nothing where that write changed
 * nothing, as when another connection had already made the same write. `fence` is a key whose write always changes
 * something.
 */
export function awaitReplicas(connection: Connection, count: number, fence: string): Replicas {
  if (count === 0) return { areAwaited: false, reached: (write) => write() }
  if (!(connection instanceof Redis)) throw new Error('replicas of a Cluster are not awaited')
  let losses = 0
  connection.on('close', () => (losses += 1))
  let waiting: Promise<unknown> = Promise.resolve()
  let next: Promise<number> | null = null

  async function sendWait(): Promise<number> {
    await waiting
    next = null
    const replies = Promise.all([connection.set(fence, ''), connection.wait(count, WAIT_MS)])
    waiting = replies.catch(() => {})
    const [, replicas] = await replies
    return replicas
  }

  return {
    areAwaited: true,
    async reached(write) {
      const before = losses
      const written = await write()
      next ??= sendWait()
      // Redis refuses WAIT where the primary has become a replica meanwhile.
      const replicas = await next.catch(() => 0)
      if (losses !== before) throw new NotReplicated('the connection was lost meanwhile')
      if (replicas < count) throw new NotReplicated(`${replicas} of ${count} replicas have it`)
      return written
    }
  }
}

const WRITE_AGAIN_AFTER_MS = 200

/** Repeats an idempotent write until the awaited replicas have it. */
export async function untilReached<T>(replicas: Replicas, write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await replicas.reached(write)
    } catch (error) {
      if (!(error instanceof NotReplicated)) throw error
      await pause(WRITE_AGAIN_AFTER_MS)
    }
  }
}
