import { once } from 'node:events'
import type { Logger } from 'pino'
import type { Connection } from '../redis/connect.ts'
import { consume } from '../queue/consume.ts'
import { type CallbackDeps, handleCallback } from './handle-callback.ts'
import { handleDeadline, type DeadlineDeps } from './handle-deadline.ts'
import { handleSend, type SendDeps } from './handle-send.ts'
import { sweep, type SweepDeps } from './sweep.ts'
import { watchOperations, type WatchOperationsDeps } from './watch-operations.ts'
import { watchDeadlines, type WatchDeadlinesDeps } from './watch-deadlines.ts'

export interface WorkerDeps {
  /** What each handler, the searches of every second and the sweep use. */
  readonly send: SendDeps
  readonly callback: CallbackDeps
  readonly deadline: DeadlineDeps
  readonly watch: WatchDeadlinesDeps
  readonly operate: WatchOperationsDeps
  readonly sweep: SweepDeps
  readonly connection: Connection
  readonly tag: string
  readonly concurrency: number
  readonly releasesPerSecond: number
  readonly sweepIntervalMs: number
  /** How long one sweep may take, in ms; by default two minutes. */
  readonly sweepLimitMs?: number
  /** Counts a sweep, with its duration in ms. */
  readonly swept: (tookMs: number) => void
  readonly log: Logger
}

export interface RunningWorker {
  /** Accepts no new job and resolves once the running ones are done. May never resolve while Redis is unreachable. */
  close(): Promise<void>
}

/** A handler waits for Khipu at most once. It may wait long for Redis, and is then run again. */
const HANDLER_MARGIN_MS = 60_000

/** The handler of a callback waits for Redis alone, and soon has its answer. */
const CALLBACKS_PER_PLACE = 3

/** A sweep that waits for an answer that never comes would prevent all later sweeps. */
const SWEEP_LIMIT_MS = 120_000

/**
 * Starts the handlers on their queues. The sweep, the search for passed deadlines and operations have timers of their
 * own, which no lost queue can stop.
 */
export function startWorker(deps: WorkerDeps): RunningWorker {
  const { connection, tag, concurrency, log } = deps
  const handlerLimitMs = deps.send.requestTimeoutMs + HANDLER_MARGIN_MS
  const consuming = { connection, tag, concurrency, handlerLimitMs, log }
  const callbacks = { ...consuming, concurrency: concurrency * CALLBACKS_PER_PLACE }
  const workers = [
    consume('send', (job) => handleSend(deps.send, job), consuming),
    consume('paced', (job) => handleSend(deps.send, job), consuming, deps.releasesPerSecond),
    consume('callback', (job) => handleCallback(deps.callback, job), callbacks),
    consume('deadline', (job) => handleDeadline(deps.deadline, job), consuming)
  ]
  const stopSweeping = sweepEvery(deps.sweepIntervalMs, deps)
  const stopWatching = watchDeadlines(deps.watch)
  const stopOperating = watchOperations(deps.operate)
  return {
    async close() {
      await Promise.all([
        stopSweeping(),
        stopWatching(),
        stopOperating(),
        ...workers.map((worker) => worker.close())
      ])
    }
  }
}

function sweepEvery(intervalMs: number, deps: WorkerDeps): () => Promise<void> {
  let sweeping: Promise<void> | null = null
  const timer = setInterval(() => {
    sweeping ??= sweepInTime(deps)
      .catch((error: Error) => deps.log.error({ error: error.name }, 'sweep failed'))
      .finally(() => (sweeping = null))
  }, intervalMs)
  return async () => {
    clearInterval(timer)
    await sweeping
  }
}

/** An aborted sweep stops at its next step. */
async function sweepInTime(deps: WorkerDeps): Promise<void> {
  const giveUp = AbortSignal.timeout(deps.sweepLimitMs ?? SWEEP_LIMIT_MS)
  const beganAt = performance.now()
  const tooLong = once(giveUp, 'abort').then(() => giveUp.throwIfAborted())
  await Promise.race([sweep(deps.sweep, giveUp), tooLong])
  deps.swept(performance.now() - beganAt)
}
