import { DelayedError, type Job, Worker } from 'bullmq'
import type { Logger } from 'pino'
import { codeOf, type Connection } from '../redis/connect.ts'
import type { JobData, QueueName } from './queues.ts'
import { throwCodeOnly } from './hide-error-text.ts'
import { within } from '../redis/time-limit.ts'

/** What a handler says when it is done: nothing, or for how many ms it woke too early. */
export type Handled = { readonly sleepMs: number } | undefined
export type Handler = (job: JobData) => Promise<Handled>

export interface ConsumeSettings {
  readonly connection: Connection
  readonly tag: string
  readonly concurrency: number
  /** How long a handler may take, in ms; then its job is tried again, and what it still does is for the ledger to judge. */
  readonly handlerLimitMs: number
  readonly log: Logger
}

/** A job whose process died is taken over once its lock has lapsed and the next look for stalled jobs was made. */
const LOCK_MS = 15_000
const STALLED_CHECK_MS = 5_000
/** BullMQ never resets a job's stall count; what may be run again is decided by the ledger, not by it. */
const MOST_STALLS = 1000

/** How long a worker leaves a Redis alone that refuses, for want of room, of a disk, or of a right. */
const REST_MS = 1_000

/** A handler that did not end in its time. BullMQ would renew its lock, and keep its place, for ever. */
export class HandlerTimeout extends Error {
  override readonly name = 'HandlerTimeout'
}

/**
 * Runs a handler on a queue's jobs, on all processes together no more of them per second than `perSecond`.
 * The connection is duplicated for the blocking part.
 */
export function consume(
  name: QueueName,
  handle: Handler,
  settings: ConsumeSettings,
  perSecond = Infinity
): Worker {
  const { connection, tag, concurrency, handlerLimitMs, log } = settings
  const late = () => new HandlerTimeout(`took over ${handlerLimitMs} ms`)
  const run = async (job: Job<JobData>, token: string | undefined) => {
    const handled = await within(handlerLimitMs, handle(job.data), late)
    if (handled === undefined) return
    await job.moveToDelayed(Date.now() + handled.sleepMs, token)
    throw new DelayedError()
  }
  const worker = new Worker<JobData>(name, (job, token) => run(job, token).catch(throwCodeOnly), {
    connection,
    prefix: tag,
    concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: MOST_STALLS,
    ...limiterOf(perSecond)
  })
  worker.on('failed', (job, error) => {
    const { requestId } = job?.data ?? {}
    log.error({ queue: name, requestId, error: codeOf(error) }, 'handler failed')
  })
  worker.on('stalled', (jobId) => log.warn({ queue: name, jobId }, 'job taken over'))
  restWhenRefused(worker, name, log)
  return worker
}

/** Short windows: a limit per second would let twice as many through around the turn of a second. */
const LIMITER_WINDOWS_PER_SECOND = 100

function limiterOf(perSecond: number) {
  if (perSecond === Infinity) return {}
  const max = Math.ceil(perSecond / LIMITER_WINDOWS_PER_SECOND)
  return { limiter: { max, duration: Math.ceil((max * 1000) / perSecond) } }
}

// BullMQ asks again at once, thousands of times a second, and that of a Redis that is in trouble.
function restWhenRefused(worker: Worker, queue: QueueName, log: Logger): void {
  let rests = false
  let said: unknown
  worker.on('active', () => (said = undefined))
  worker.on('error', (error) => {
    if (rests || error.name !== 'ReplyError') return
    rests = true
    const code = codeOf(error)
    // Once, until it has worked again.
    if (code !== said) log.error({ queue, code }, 'redis refuses a worker')
    said = code
    void worker.pause(true)
    setTimeout(() => {
      rests = false
      if (worker.closing === undefined) void worker.resume()
    }, REST_MS).unref()
  })
}
