import { isUnpublished } from '../core/result-head.ts'
import { isOpen, type Request, type State, STATES } from '../core/request.ts'
import { readRecord } from './load.ts'
import { listPage, type Page, type Query, READ_AT_ONCE } from './listing.ts'
import { referenceHash, type Store } from './store.ts'

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
export interface Lookup {
  /**
   * Redis's clock, ms since 1970: the reference clock. On a Cluster it is the clock of the node that holds the request.
   */
  now(requestId?: string): Promise<number>
  /** A write that changes nothing. Rejects if Redis accepts no writes: unreachable, without a disk, or a replica. */
  tryWrite(): Promise<void>
  find(requestId: string): Promise<Request | null>
  list(query: Query): Promise<Page>
  totals(): Promise<Totals>
  /** For how many ms the oldest overdue request has been overdue; 0 if none is. */
  overdueMs(): Promise<number>
}

/** Requests in bulk: listing, counting, and finding overdue requests. */
export interface Catalog extends Lookup {
  /** A page of the requests in a state, or of all requests, oldest first. It starts behind an id. */
  after(requestId: string | null, state: State | null): Promise<Page>
  /** Ids of all requests whose due instant, or oldest unread callback, lies before an instant; oldest first. */
  overdue(before: number): Promise<readonly string[]>
  /**
   * Requests whose deadline has passed, oldest first, among some hundreds of due requests behind the first `passed`
   * ones. `next` is how many to pass over then; 0 after the last one.
   */
  passedDeadlines(passed: number): Promise<PassedDeadlines>
  /**
   * Deletes requests that ended before an instant and have no step left, at most `limit` of them. Returns their number.
   */
  forgetEndedBefore(instant: number, limit: number): Promise<number>
}

export interface PassedDeadlines {
  readonly requests: readonly Request[]
  readonly next: number
}

/** How many due requests one search for passed deadlines looks at. Redis does nothing else meanwhile. */
const LOOKED_AT_ONCE = 1000

/** Every request in a state, or every request, oldest first. It starts behind an id and yields one page at a time. */
export async function* everyPage(
  catalog: Pick<Catalog, 'after'>,
  state: State | null = null,
  from: string | null = null
): AsyncGenerator<Page> {
  let next = from
  do {
    const page: Page = await catalog.after(next, state)
    yield page
    next = page.next
  } while (next !== null)
}

export function createCatalog(store: Store): Catalog {
  const { redis, key, scripts } = store

  async function fetch(ids: readonly string[]): Promise<Request[]> {
    const records = await Promise.all(ids.map((id) => redis.hget(key('request', id), 'record')))
    return records.flatMap((record) => (record === null ? [] : [readRecord(record)]))
  }

  async function forgetAll(requests: readonly Request[]): Promise<number> {
    let forgotten = 0
    for (const request of requests.filter((one) => !isOpen(one) && !isUnpublished(one))) {
      const { requestId, state, service, reference } = request
      forgotten += await scripts.forget(requestId, state, service, referenceHash(reference))
    }
    return forgotten
  }

  return {
    now: () => redisNow(store),

    // The key never exists. So the append-only file does not grow, yet Redis rejects the command like any write.
    tryWrite: async () => void (await redis.del(key('readiness'))),

    async find(requestId) {
      const [request] = await fetch([requestId])
      return request ?? null
    },

    list: (query) => listPage(store, query, fetch),

    async after(requestId, state) {
      const index = state === null ? key('requests') : key('state', state)
      const min = requestId === null ? '-' : `(${requestId}`
      const ids = await redis.zrangebylex(index, min, '+', 'LIMIT', 0, READ_AT_ONCE)
      return { items: await fetch(ids), next: ids.at(-1) ?? null }
    },

    totals: () => readTotals(store),

    overdueMs: () => readOverdueMs(store),

    // The list is complete: behind hundreds of requests that cannot be recovered there may be one that can.
    async overdue(before) {
      const due = await redis.zrangebyscore(key('due'), '-inf', before)
      const received = await redis.zrangebyscore(key('received'), '-inf', before)
      return [...new Set([...due, ...received])]
    },

    async passedDeadlines(passed) {
      const [next, ...records] = await scripts.passedDeadlines(LOOKED_AT_ONCE, passed)
      return { next, requests: records.map(readRecord) }
    },

    async forgetEndedBefore(instant, limit) {
      // Behind many requests that must stay, for want of a key for example, others can be deleted.
      for (let passed = 0; ; passed += limit) {
        const within = ['-inf', instant, 'LIMIT', passed, limit] as const
        const ids = await redis.zrangebyscore(key('ended'), ...within)
        const forgotten = await forgetAll(await fetch(ids))
        if (forgotten > 0 || ids.length < limit) return forgotten
      }
    }
  }
}

async function redisNow({ scripts }: Store): Promise<number> {
  return scripts.now()
}

async function readTotals({ scripts }: Store): Promise<Totals> {
  const live = STATES.filter((state) => !ENDED.has(state))
  const reply = await scripts.totals(...live)
  const [fields, counts, setAside] = reply
  const totals = new Map(
    fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]] as const] : []))
  )
  return {
    accepted: Number(totals.get('accepted') ?? 0),
    ended: Object.fromEntries([...ENDED].map((state) => [state, Number(totals.get(state) ?? 0)])),
    live: Object.fromEntries(live.map((state, index) => [state, Number(counts[index] ?? 0)])),
    setAside
  }
}

async function readOverdueMs(store: Store): Promise<number> {
  const { redis, key } = store
  const oldest = (name: string) => redis.zrange(key(name), '0', '0', 'WITHSCORES')
  const found = await Promise.all([oldest('due'), oldest('received')])
  const instants = found.flatMap(([, score]) => (score === undefined ? [] : [Number(score)]))
  return Math.max(0, (await redisNow(store)) - Math.min(...instants))
}

const ENDED: ReadonlySet<string> = new Set(['delivered', 'failed', 'cancelled'])
