import { randomUUID } from 'node:crypto'
import { matches, type Notification } from '../core/notification.ts'
import { release } from '../core/operate.ts'
import type { Request } from '../core/request.ts'
import { advance, type AdvanceDeps } from './advance.ts'
import { type Catalog, everyRequest } from './catalog.ts'
import type { Notifications, Releasing } from './notifications.ts'

export interface ReleaseDeps extends AdvanceDeps {
  readonly catalog: Catalog
  readonly notifications: Notifications
}

/** After how many releases the lease is asked for again. */
const LEASED_FOR = 100

/**
 * Releases what is parked and matches, oldest first, one every so often: never all at once. May be
 * run again after a crash, for what it has released is no longer parked; only one runs at a time. Says
 * how many it let go.
 */
export async function releaseParked(deps: ReleaseDeps, releasing: Releasing): Promise<number> {
  const { notification } = releasing
  const { by = 'notification' } = notification
  const holder = randomUUID()
  if (!(await deps.notifications.lease(releasing, holder))) return 0
  const found = await findParked(deps.catalog, notification)
  const start = await deps.catalog.now()
  const spacingMs = 1000 / deps.policy.releasesPerSecond
  for (const [index, { requestId }] of found.entries()) {
    const isToRenew = index % LEASED_FOR === LEASED_FOR - 1
    if (isToRenew && !(await deps.notifications.lease(releasing, holder))) return index
    const at = Math.floor(start + index * spacingMs)
    await advance(deps, requestId, (request, { now }) =>
      isReleased(request, notification) ? release(request, at, by, now) : request
    )
  }
  await deps.notifications.finish(releasing)
  return found.length
}

/** What is parked and matches, oldest first. */
export async function findParked(
  catalog: Catalog,
  notification: Notification
): Promise<readonly Request[]> {
  const found: Request[] = []
  for await (const request of everyRequest(catalog, 'parked')) {
    if (isReleased(request, notification)) found.push(request)
  }
  return found.toReversed()
}

// What was parked after the notification failed after it, too, and waits for the next one.
function isReleased(request: Request, notification: Notification): boolean {
  const { parked, requestId, service, code } = request
  if (parked === null || parked.at > notification.at) return false
  return matches(notification, { requestId, service, code, cause: parked.cause })
}
