import type { Connection } from '../redis/connect.ts'
import type { Draining } from '../callbacks/drain-spool.ts'

/** So long after Redis has come back, servers elsewhere may still have callbacks on their disks. */
const DRAINED_WITHIN_MS = 10_000

/**
 * Tells whether callbacks that came while Redis was away may not be in the ledger yet: those of this process,
 * as it knows, and for a while those of others.
 */
export function watchSpoolGracePeriod(
  connection: Connection,
  draining: Pick<Draining, 'hasMore'> | null
): () => boolean {
  let isLost = false
  let untilMs = 0
  connection.on('close', () => (isLost = true))
  connection.on('ready', () => {
    if (isLost) untilMs = Date.now() + DRAINED_WITHIN_MS
    isLost = false
  })
  return () => isLost || Date.now() < untilMs || draining?.hasMore() === true
}
