import { randomUUID } from 'node:crypto'
import pLimit from 'p-limit'
import { concerns, isOfGroups, readGroup } from '../../core/groups/group.ts'
import { matches, type Notification } from '../../core/notification.ts'
import { release } from '../../core/transitions/on-operator.ts'
import type { Policy } from '../../core/policy.ts'
import type { Request } from '../../core/request.ts'
import { isUsedUp } from '../../core/send-limits.ts'
import type { Advance } from '../advance.ts'
import { type Catalog, everyPage } from '../queries.ts'
import type { Page } from '../listing.ts'
import type { Groups } from '../groups.ts'
import type { Notifications, Releasing } from './notifications.ts'

export interface ReleaseDeps {
  readonly advance: Advance
  readonly catalog: Catalog
  readonly notifications: Notifications
  readonly policy: Policy
}

/** A page. Those of a turn of the event loop travel together, so a page takes a few round trips. */
const MOST_AT_ONCE = 100

/**
 * Releases the parked requests that match, oldest first, each at its own instant: never all at once.
 * After `forMs` it stops, and the sweep continues. It is idempotent, also after a crash, because released requests are
 * no longer parked. Only one process runs it at a time. Returns the number of released requests. If some could not be
 * released, it rejects after all the others. Those are tried again once the lease has lapsed.
 */
export async function releaseParked(
  deps: ReleaseDeps,
  releasing: Releasing,
  forMs = Infinity
): Promise<number> {
  const { notifications } = deps
  const holder = randomUUID()
  const end = performance.now() + forMs
  if (!(await notifications.lease(releasing, holder))) return 0
  const from = await notifications.reached(releasing)
  const failures: unknown[] = []
  let released = 0
  for await (const { items, next } of parkedFor(deps, releasing.notification, from)) {
    const failed = await releasePage(deps, releasing, items)
    failures.push(...failed)
    released += items.length - failed.length
    if (performance.now() >= end) {
      throwFirst(failures)
      await notifications.giveBack(releasing, holder, next)
      return released
    }
    // A page takes about a second if it has many matches; the lease lasts 30 seconds.
    if (!(await notifications.lease(releasing, holder))) return released
  }
  throwFirst(failures)
  await notifications.finish(releasing)
  return released
}

function throwFirst(failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0]
}

/** Returns one error for each request that could not be released. */
async function releasePage(
  deps: ReleaseDeps,
  { notification }: Releasing,
  page: readonly Request[]
): Promise<readonly unknown[]> {
  if (page.length === 0) return []
  const { by = 'notification' } = notification
  const spacingMs = 1000 / deps.policy.releasesPerSecond
  const places = await deps.notifications.takePlaces(page.length, spacingMs)
  const limit = pLimit(MOST_AT_ONCE)
  const outcomes = await Promise.allSettled(
    page.map(({ requestId }, index) =>
      limit(deps.advance, requestId, (request, { now }) =>
        isReleased(request, notification, deps.policy)
          ? release(request, places[index] ?? now, by, now)
          : request
      )
    )
  )
  return outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
}

/** Up to so many parked requests are read to count those that match. */
const MOST_READ = 1000

/**
 * How many parked requests match. Of more than a thousand their groups tell it, and may count some whose POSTs are used
 * up.
 */
export async function countParked(deps: CountDeps, notification: Notification): Promise<number> {
  const counts = isOfGroups(notification) ? await deps.groups.counts() : null
  const matching = [...(counts ?? [])].filter(([name]) => concerns(notification, readGroup(name)))
  const counted = matching.reduce((sum, [, requests]) => sum + requests, 0)
  if (counted > MOST_READ) return counted
  let count = 0
  for await (const { items } of parkedFor(deps, notification)) count += items.length
  return count
}

/** The parked requests that match, oldest first. It starts behind an id and yields one page at a time. */
export async function* parkedFor(
  { catalog, policy }: ParkedDeps,
  notification: Notification,
  from: string | null = null
): AsyncGenerator<Page> {
  for await (const page of everyPage(catalog, 'parked', from)) {
    const items = page.items.filter((request) => isReleased(request, notification, policy))
    yield { ...page, items }
  }
}

type ParkedDeps = Pick<ReleaseDeps, 'catalog' | 'policy'>

export type CountDeps = ParkedDeps & { readonly groups: Pick<Groups, 'counts'> }

// A request parked after the notification also failed after it, and waits for the next one. A request whose POSTs are
// used up waits for none.
function isReleased(request: Request, notification: Notification, policy: Policy): boolean {
  const { parked, requestId, service, code } = request
  if (parked === null || parked.at > notification.at || isUsedUp(request, policy)) return false
  return matches(notification, { requestId, service, code, cause: parked.cause })
}
