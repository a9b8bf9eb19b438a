import type { Queue } from 'bullmq'
import type { Connection } from '../redis/connect.ts'
import type { Backlog, ResultSink } from './result-sink.ts'
import { JobText, TextQueue } from './text-queue.ts'

export interface ResultQueueSettings {
  readonly queuePrefix: string
  readonly resultQueue: string
  readonly resultRetentionMs: number
}

/** For the consumer: its handler has eight attempts before a result fails. */
const ATTEMPTS = { attempts: 8, backoff: { type: 'exponential', delay: 1000 } } as const

/** The downstream queue of BullMQ. The id of a result is the id of its job, so delivery is idempotent. */
export function openBullmqSink(
  redis: Connection,
  settings: ResultQueueSettings
): ResultSink & { readonly queue: Queue } {
  const { queuePrefix, resultQueue, resultRetentionMs } = settings
  // An age, never a count: a completed job must hold its id until no handler can publish the result again.
  const removeOnComplete = { age: Math.ceil(resultRetentionMs / 1000) }
  const queue = new TextQueue(resultQueue, {
    connection: redis,
    prefix: queuePrefix,
    defaultJobOptions: { ...ATTEMPTS, removeOnComplete },
    // BullMQ never forgets a failed version check, and rejects every job from then on.
    skipVersionCheck: true
  })
  // Connection errors are logged by the module that connects. A failed command rejects its promise.
  queue.on('error', () => {})
  return {
    queue,
    deliver: async ({ id, outcome, text }) =>
      void (await queue.add(outcome, new JobText(text), { jobId: id })),
    backlog: () => readBacklog(queue, redis),
    close: () => queue.close()
  }
}

/** Older versions of BullMQ, possibly the consumer's, move waiting jobs to this list when they pause the queue. */
const PAUSED = 'paused'

/** The time does not depend on the number of jobs. */
async function readBacklog(queue: Queue, redis: Connection): Promise<Backlog> {
  const [counts, paused] = await Promise.all([
    queue.getJobCounts('wait', 'prioritized', 'delayed', 'failed'),
    redis.llen(queue.toKey(PAUSED))
  ])
  const { failed = 0, ...others } = counts
  const waiting = Object.values(others).reduce((sum, count) => sum + count, paused)
  const addedAt = waiting === 0 ? null : await nextAddedAt(queue, redis)
  return { waiting, failed, oldestMs: addedAt === null ? 0 : Math.max(0, Date.now() - addedAt) }
}

/** When the next job was added, by the clock of the adding process. BullMQ takes the last element of a list. */
async function nextAddedAt(queue: Queue, redis: Connection): Promise<number | null> {
  for (const list of ['wait', PAUSED]) {
    const id = await redis.lindex(queue.toKey(list), -1)
    const addedAt = id === null ? null : await redis.hget(queue.toKey(id), 'timestamp')
    if (addedAt !== null) return Number(addedAt)
  }
  return null
}
