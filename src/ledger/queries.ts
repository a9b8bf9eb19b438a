import type { SizedGroup } from '../core/groups/group.ts'
import type { Flow } from '../core/groups/series.ts'
import { END_STATES, LIVE_STATES, type Request } from '../core/request.ts'
import { createClock } from '../redis/clock-reading.ts'
import { createDueQueries, type DueQueries } from './due.ts'
import { readIndexed, readSizes } from './groups.ts'
import {
  countDue,
  type DueCounts,
  type DuePage,
  type DueQuery,
  listByDue
} from './indexes/due-list.ts'
import { readFlow, type Step } from './indexes/flow.ts'
import { readRecord } from './load.ts'
import { listPage, type ListPage, type Page, type Query, readAfter } from './listing.ts'
import { mapOf, type Store } from './store.ts'

/** How many requests there are. The accounting invariant of the service is `accepted = live + ended`. */
export interface Totals {
  readonly accepted: number
  readonly ended: Readonly<Record<string, number>>
  readonly live: Readonly<Record<string, number>>
  /** How many results ended the processes that published them. They wait until an operator has them tried again. */
  readonly setAside: number
}

/** The violation of the accounting invariant. Anything but 0 means that requests were lost or invented. */
export function unaccounted({ accepted, ended, live }: Omit<Totals, 'setAside'>): number {
  const counts = [...Object.values(ended), ...Object.values(live)]
  return counts.reduce((left, count) => left - count, accepted)
}

/** Queries that one part of the ledger answers, and all parts together. */
export interface Lookup extends Pick<DueQueries, 'overdueMs'> {
  /**
   * Redis's clock, ms since 1970: the reference clock. On a Cluster it is the clock of the node that holds the request.
   */
  now(requestId?: string): Promise<number>
  /** The same without a command, if it was read within the last second. */
  recentNow(requestId: string): Promise<number>
  /** A write that changes nothing. Rejects if Redis accepts no writes: unreachable, without a disk, or a replica. */
  tryWrite(): Promise<void>
  find(requestId: string): Promise<Request | null>
  list(query: Query): Promise<ListPage>
  listByDue(query: DueQuery): Promise<DuePage>
  /** How many live requests of each state are due in each of so many steps from an instant on: see `countDue`. */
  countDue(from: number, stepMs: number, steps: number): Promise<readonly DueCounts[]>
  /** How often requests entered each group, by the minute or the hour: see `readFlow`. */
  flow(step: Step, from: number, to: number): Promise<readonly Flow[]>
  totals(): Promise<Totals>
  /** The request that goes before one that is to be sent: of its account, or with its rejected bank credentials. */
  ahead(requestId: string): Promise<string | null>
  /** The part of the requests that is indexed, 1 once all are: those of an older version are indexed by and by. */
  indexed(): Promise<number>
  /** The groups of requests that were asked for from an instant on; null while an older ledger is being indexed. */
  sizes(since: number | null): Promise<readonly SizedGroup[] | null>
}

/** Requests in bulk: listing, counting, and finding overdue requests. */
export interface Catalog extends Lookup, DueQueries {
  /** A page of all requests, oldest first. It starts behind an id. */
  after(requestId: string | null): Promise<Page>
}

/** Every request, oldest first, one page at a time. */
export async function* everyPage(catalog: Pick<Catalog, 'after'>): AsyncGenerator<Page> {
  let next: string | null = null
  do {
    const page: Page = await catalog.after(next)
    yield page
    next = page.next
  } while (next !== null)
}

export function createCatalog(store: Store): Catalog {
  const { redis, key, scripts } = store
  return {
    ...createDueQueries(store),
    now: () => scripts.now(),
    recentNow: createClock(() => scripts.now()),

    // The key never exists. So the append-only file does not grow, yet Redis rejects the command like any write.
    tryWrite: async () => void (await redis.del(key('readiness'))),

    async find(requestId) {
      const record = await redis.hget(key('request', requestId), 'record')
      return record === null ? null : readRecord(record)
    },

    list: (query) => listPage(store, query),
    listByDue: (query) => listByDue(store, query),
    countDue: (from, stepMs, steps) => countDue(store, from, stepMs, steps),
    flow: (step, from, to) => readFlow(store, step, from, to),
    after: (requestId) => readAfter(store, requestId),
    totals: () => readTotals(store),
    ahead: (requestId) => scripts.ahead(requestId),
    indexed: () => readIndexed(store),
    sizes: (since) => readSizes(store, since)
  }
}

async function readTotals({ scripts }: Store): Promise<Totals> {
  const [fields, counts, setAside] = await scripts.totals(...LIVE_STATES)
  const totals = mapOf(fields)
  return {
    accepted: Number(totals.get('accepted') ?? 0),
    ended: Object.fromEntries(END_STATES.map((state) => [state, Number(totals.get(state) ?? 0)])),
    live: Object.fromEntries(
      LIVE_STATES.map((state, index) => [state, Number(counts[index] ?? 0)])
    ),
    setAside
  }
}
