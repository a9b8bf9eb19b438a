import type { Queue } from 'bullmq'
import type { Connection } from '../redis/connect.ts'

/** What lies on a queue and was not consumed. */
export interface Backlog {
  /** Those that a consumer has yet to take, the retries of its handler included. */
  readonly waiting: number
  /** Those that its handler has given up. */
  readonly failed: number
  /** For how long the one that is next has waited, in ms; 0 where none waits. */
  readonly oldestMs: number
}

/** Older BullMQ, that of a consumer perhaps, moves what waits there when it pauses the queue. */
const PAUSED = 'paused'

/** Counts them, in the same time however many there are; rejects while Redis is away. */
export async function readBacklog(queue: Queue, redis: Connection): Promise<Backlog> {
  const [counts, paused] = await Promise.all([
    queue.getJobCounts('wait', 'prioritized', 'delayed', 'failed'),
    redis.llen(queue.toKey(PAUSED))
  ])
  const { failed = 0, ...others } = counts
  const waiting = Object.values(others).reduce((sum, count) => sum + count, paused)
  const addedAt = waiting === 0 ? null : await nextOf(queue, redis)
  return { waiting, failed, oldestMs: addedAt === null ? 0 : Math.max(0, Date.now() - addedAt) }
}

/** When the job was added that is taken next, by the clock of the process that did: BullMQ takes the last of a list. */
async function nextOf(queue: Queue, redis: Connection): Promise<number | null> {
  for (const list of ['wait', PAUSED]) {
    const id = await redis.lindex(queue.toKey(list), -1)
    const addedAt = id === null ? null : await redis.hget(queue.toKey(id), 'timestamp')
    if (addedAt !== null) return Number(addedAt)
  }
  return null
}
