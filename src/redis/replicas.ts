import { Redis } from 'ioredis'
import type { Connection } from './connect.ts'

/** Waits until what was written has reached as many replicas as are asked for. */
export interface Replicas {
  /**
   * Resolves with what the write did, once the replicas have it; rejects where they may not, though Redis may.
   * Where none is asked for, a write counts as soon as Redis has it.
   */
  reached<T>(write: () => Promise<T>): Promise<T>
}

/** How long Redis waits for them, in ms; what is sent on the connection meanwhile waits, too. */
const WAIT_MS = 500

/** A write that as many replicas as are asked for may not have. */
export class NotReplicated extends Error {
  override readonly name = 'NotReplicated'
}

/**
 * One WAIT covers all that was written before. So there is one at a time, and the next one is for all who have
 * come meanwhile. After a reconnection WAIT would speak of another master, perhaps one without the write: then
 * nothing is taken as confirmed.
 *
 * Redis waits for what its own connection wrote last, since 7.2 for nothing where that changed nothing: a write
 * that another connection was the first to make. `fence` is the key of a write that always changes something.
 */
export function awaitReplicas(connection: Connection, count: number, fence: string): Replicas {
  if (count === 0) return { reached: (write) => write() }
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
    async reached(write) {
      const before = losses
      const written = await write()
      next ??= sendWait()
      // Redis refuses it where the master has become a replica meanwhile.
      const replicas = await next.catch(() => 0)
      if (losses !== before) throw new NotReplicated('the connection was lost meanwhile')
      if (replicas < count) throw new NotReplicated(`${replicas} of ${count} replicas have it`)
      return written
    }
  }
}
