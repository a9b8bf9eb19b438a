import { DelayedError, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { JobData, QueueName } from './queues.ts'

/** What a handler says when it is done: nothing, or for how many ms it woke too early. */
export type Handled = { readonly sleepMs: number } | undefined
export type Handler = (job: JobData) => Promise<Handled>

export interface ConsumeSettings {
  readonly connection: Redis
  readonly tag: string
  readonly concurrency: number
  readonly log: Logger
}

/** A job whose process died is taken over once its lock has lapsed and the next look for stalled jobs was made. */
const LOCK_MS = 15_000
const STALLED_CHECK_MS = 5_000
/** BullMQ never resets a job's stall count; what may be run again is decided by the ledger, not by it. */
const MOST_STALLS = 1000

/** Runs a handler on a queue's jobs. The connection is duplicated for the blocking part. */
export function consume(name: QueueName, handle: Handler, settings: ConsumeSettings): Worker {
  const { connection, tag, concurrency, log } = settings
  const worker = new Worker<JobData>(
    name,
    async (job, token) => {
      const handled = await handle(job.data)
      if (handled === undefined) return
      await job.moveToDelayed(Date.now() + handled.sleepMs, token)
      throw new DelayedError()
    },
    {
      connection,
      prefix: tag,
      concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: MOST_STALLS
    }
  )
  worker.on('failed', (job, error) => {
    log.error({ queue: name, requestId: job?.data.requestId, error: error.name }, 'handler failed')
  })
  worker.on('stalled', (jobId) => log.warn({ queue: name, jobId }, 'job taken over'))
  worker.on('error', () => {})
  return worker
}
