import type { Connection } from '../redis/connect.ts'
import type { Draining } from '../callbacks/drain-spool.ts'

/** For this time after Redis has returned, other processes may still have callbacks on their disks. */
const DRAINED_WITHIN_MS = 10_000

/**
 * Returns a check: may callbacks that came while Redis was away still be missing in the ledger? Of its own spool, the
 * process knows the answer. For the spools of other processes it waits for a grace period.
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
