import { setTimeout as pause } from 'node:timers/promises'
import type { Shared } from './dependencies.ts'

/** Something that was started, and how to end it. */
export interface Running {
  close(): Promise<unknown>
}

/** What a process consists of; null where its role lacks a part. */
export interface Parts {
  readonly shared: Pick<Shared, 'beginStopping' | 'close'>
  readonly publicListener: Running | null
  readonly draining: Running | null
  readonly workers: Running | null
  readonly adminListener: Running
}

/**
 * From the first moment readiness is 503 and no job is begun. A load balancer needs the delay to notice, and sends
 * callbacks meanwhile. The operator listener closes last: until then it tells how it goes.
 */
export async function stop(parts: Parts, delayMs: number): Promise<void> {
  const { shared, publicListener, draining, workers, adminListener } = parts
  shared.beginStopping()
  const closeServer = async () => {
    if (publicListener !== null) await pause(delayMs)
    await publicListener?.close()
    await draining?.close()
  }
  await Promise.all([closeServer(), workers?.close()])
  await adminListener.close()
  await shared.close()
}
