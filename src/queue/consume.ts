import { DelayedError, type Job, Worker } from 'bullmq'
import type { Logger } from 'pino'
import { redisErrorCode, type Connection } from '../redis/connect.ts'
import type { JobData, QueueName } from './queues.ts'
import { throwCodeOnly } from './hide-error-text.ts'
import { within } from '../redis/time-limit.ts'

/** A handler's result: undefined when it is done, or the ms by which its job ran too early. */
export type Handled = { readonly sleepMs: number } | undefined
export type Handler = (job: JobData) => Promise<Handled>

export interface ConsumeSettings {
  readonly connection: Connection
  readonly tag: string
  readonly concurrency: number
  /**
   * How long a handler may run, in ms. Then its job is tried again. The ledger rejects outdated writes of the first
   * run.
   */
  readonly handlerLimitMs: number
  readonly log: Logger
}

/** A job of a dead process is taken over at the next stalled check after its lock has lapsed. */
const LOCK_MS = 15_000
const STALLED_CHECK_MS = 5_000
/** BullMQ never resets the stall count of a job. The ledger decides what may run again, so the limit is high. */
const MOST_STALLS = 1000

/** How long a worker pauses after Redis refused a command, for lack of memory, of a disk, or of a permission. */
const PAUSE_MS = 1_000

/** A handler that exceeded its time. BullMQ would renew its lock and occupy its place for ever. */
export class HandlerTimeout extends Error {
  override readonly name = 'HandlerTimeout'
}

/**
 * Runs a handler on the jobs of a queue: at most `perSecond` of them per second, over all processes. The connection is
 * duplicated for blocking commands.
 */
export function consume(
  name: QueueName,
  handle: Handler,
  settings: ConsumeSettings,
  perSecond = Infinity
): Worker {
  const { connection, tag, concurrency, handlerLimitMs, log } = settings
  const timedOut = () => new HandlerTimeout(`took over ${handlerLimitMs} ms`)
  const run = async (job: Job<JobData>, token: string | undefined) => {
    const handled = await within(handlerLimitMs, handle(job.data), timedOut)
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
    log.error({ queue: name, requestId, error: redisErrorCode(error) }, 'handler failed')
  })
  worker.on('stalled', (jobId) => log.warn({ queue: name, jobId }, 'job taken over'))
  pauseWhenRefused(worker, name, log)
  return worker
}

/** Short windows: a limit per second would let twice as many through around the end of a second. */
const LIMITER_WINDOWS_PER_SECOND = 100

function limiterOf(perSecond: number) {
  if (perSecond === Infinity) return {}
  const max = Math.ceil(perSecond / LIMITER_WINDOWS_PER_SECOND)
  return { limiter: { max, duration: Math.ceil((max * 1000) / perSecond) } }
}

// BullMQ retries at once, thousands of times a second. That would burden a Redis that is already in trouble.
function pauseWhenRefused(worker: Worker, queue: QueueName, log: Logger): void {
  let isPaused = false
  let loggedCode: unknown
  worker.on('active', () => (loggedCode = undefined))
  worker.on('error', (error) => {
    if (isPaused || error.name !== 'ReplyError') return
    isPaused = true
    const code = redisErrorCode(error)
    // Log the code once, until a job runs again.
    if (code !== loggedCode) log.error({ queue, code }, 'redis refuses a worker')
    loggedCode = code
    void worker.pause(true)
    setTimeout(() => {
      isPaused = false
      if (worker.closing === undefined) void worker.resume()
    }, PAUSE_MS).unref()
  })
}
