import { setTimeout as pause } from 'node:timers/promises'
import type { Shared } from './dependencies.ts'

/** A started part of the process. */
export interface Running {
  close(): Promise<unknown>
}

/** The parts of a process; null where its role lacks a part. */
export interface Parts {
  readonly shared: Pick<Shared, 'beginStopping' | 'close'>
  readonly publicListener: Running | null
  readonly draining: Running | null
  readonly workers: Running | null
  readonly adminListener: Running
  readonly metricsListener: Running | null
}

/**
 * From the start of the stop, `/health/ready` is 503 and no job begins. A load balancer needs the delay to notice that,
 * and sends callbacks meanwhile. The listeners of health and metrics close last, so that they answer until the end.
 */
export async function stop(parts: Parts, delayMs: number): Promise<void> {
  const { shared, publicListener, draining, workers, adminListener, metricsListener } = parts
  shared.beginStopping()
  const closeServer = async () => {
    if (publicListener !== null) await pause(delayMs)
    await publicListener?.close()
    await draining?.close()
  }
  await Promise.all([closeServer(), workers?.close()])
  await Promise.all([adminListener.close(), metricsListener?.close()])
  await shared.close()
}
