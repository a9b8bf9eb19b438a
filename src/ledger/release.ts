import { randomUUID } from 'node:crypto'
import pLimit from 'p-limit'
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

const MOST_AT_ONCE = 10

/**
 * Releases what is parked and matches, oldest first, each at an instant of its own: never all at once.
 * After `forMs` it stops, and the sweep carries on. May be run again, also after a crash, for what it has
 * released is no longer parked; only one runs at a time. Says how many it let go.
 */
export async function releaseParked(
  deps: ReleaseDeps,
  releasing: Releasing,
  forMs = Infinity
): Promise<number> {
  const { catalog, notifications } = deps
  const holder = randomUUID()
  const end = performance.now() + forMs
  let released = 0
  if (!(await notifications.lease(releasing, holder))) return 0
  for await (const page of parkedFor(catalog, releasing.notification)) {
    await releasePage(deps, releasing, page)
    released += page.length
    if (performance.now() >= end) {
      await notifications.giveBack(releasing, holder)
      return released
    }
    // A page takes a second where much is to be done; the lease is for half a minute.
    if (!(await notifications.lease(releasing, holder))) return released
  }
  await notifications.finish(releasing)
  return released
}

async function releasePage(
  deps: ReleaseDeps,
  { notification }: Releasing,
  page: readonly Request[]
): Promise<void> {
  if (page.length === 0) return
  const { by = 'notification' } = notification
  const spacingMs = 1000 / deps.policy.releasesPerSecond
  const places = await deps.notifications.takePlaces(page.length, spacingMs)
  const limit = pLimit(MOST_AT_ONCE)
  await limit.map(page, ({ requestId }, index) =>
    advance(deps, requestId, (request, { now }) =>
      isReleased(request, notification) ? release(request, places[index] ?? now, by, now) : request
    )
  )
}

/** How many are parked and match. */
export async function countParked(catalog: Catalog, notification: Notification): Promise<number> {
  let count = 0
  for await (const page of parkedFor(catalog, notification)) count += page.length
  return count
}

/** What is parked and matches, oldest first, a page at a time. */
export async function* parkedFor(
  catalog: Catalog,
  notification: Notification
): AsyncGenerator<readonly Request[]> {
  for await (const page of everyRequest(catalog, 'parked')) {
    yield page.filter((request) => isReleased(request, notification))
  }
}

// What was parked after the notification failed after it, too, and waits for the next one.
function isReleased(request: Request, notification: Notification): boolean {
  const { parked, requestId, service, code } = request
  if (parked === null || parked.at > notification.at) return false
  return matches(notification, { requestId, service, code, cause: parked.cause })
}
