import { isOpen, type Request, type State, STATES } from '../core/request.ts'
import { readRecord } from './entry.ts'
import { referenceHash, redisNow, type Store } from './store.ts'

/** What a listing asks for; `before` is the request id that ended the page before. */
export interface Query {
  readonly state: State | null
  readonly service: string | null
  readonly reference: string | null
  /** The id of an account, as requests carry it. */
  readonly account: string | null
  readonly before: string | null
  readonly limit: number
}

export interface Page {
  readonly items: readonly Request[]
  /** The cursor of the next page, null on the last one. */
  readonly next: string | null
}

/** How many requests there are: `accepted = live + ended` is the conservation law of the service. */
export interface Totals {
  readonly accepted: number
  readonly ended: Readonly<Record<string, number>>
  readonly live: Readonly<Record<string, number>>
}

/** Requests in bulk: listing, counting, and finding those that need a hand. */
export interface Catalog {
  now(): Promise<number>
  find(requestId: string): Promise<Request | null>
  list(query: Query): Promise<Page>
  totals(): Promise<Totals>
  /** Ids of all requests whose due instant, or oldest unread callback, lies before an instant; oldest first. */
  overdue(before: number): Promise<readonly string[]>
  /** Forgets the requests that ended before an instant; says how many. */
  forgetEndedBefore(instant: number, limit: number): Promise<number>
}

const PAGE = 100

/** Every request in a state, or every one there is, newest first, a page at a time. */
export async function* everyRequest(
  catalog: Pick<Catalog, 'list'>,
  state: State | null = null
): AsyncGenerator<Request> {
  const query = { state, service: null, reference: null, account: null, limit: PAGE }
  let before: string | null = null
  do {
    const page: Page = await catalog.list({ ...query, before })
    yield* page.items
    before = page.next
  } while (before !== null)
}

/** How many records one page looks at, at the most, while it filters; and how many it reads at once. */
const MOST_SCANNED = 1000
const READ_AT_ONCE = 100

export function createCatalog(store: Store): Catalog {
  const { redis, key, run } = store

  async function fetch(ids: readonly string[]): Promise<Request[]> {
    const records = await Promise.all(ids.map((id) => redis.hget(key('request', id), 'record')))
    return records.flatMap((record) => (record === null ? [] : [readRecord(record)]))
  }

  return {
    now: () => redisNow(redis),

    async find(requestId) {
      const [request] = await fetch([requestId])
      return request ?? null
    },

    list: (query) => listPage(store, query, fetch),

    async totals() {
      const live = STATES.filter((state) => !ENDED.has(state))
      const reading = redis.multi().hgetall(key('totals'))
      for (const state of live) reading.zcard(key('state', state))
      const [totals, ...counts] = ((await reading.exec()) ?? []).map(([, value]) => value)
      const { accepted, ...ended } = (totals ?? {}) as Record<string, string>
      return {
        accepted: Number(accepted ?? 0),
        ended: Object.fromEntries([...ENDED].map((state) => [state, Number(ended[state] ?? 0)])),
        live: Object.fromEntries(live.map((state, index) => [state, Number(counts[index] ?? 0)]))
      }
    },

    // All of them: behind some hundreds that can't be healed there may be one that can.
    async overdue(before) {
      const due = await redis.zrangebyscore(key('due'), '-inf', before)
      const received = await redis.zrangebyscore(key('received'), '-inf', before)
      return [...new Set([...due, ...received])]
    },

    async forgetEndedBefore(instant, limit) {
      const ids = await redis.zrangebyscore(key('ended'), '-inf', instant, 'LIMIT', 0, limit)
      const published = (await fetch(ids)).filter(
        (request) => !isOpen(request) && request.publishedAt !== null
      )
      for (const { requestId, state, service, reference } of published) {
        await run('forget', requestId, state, service, referenceHash(reference))
      }
      return published.length
    }
  }
}

async function listPage(
  store: Store,
  query: Query,
  fetch: (ids: readonly string[]) => Promise<Request[]>
): Promise<Page> {
  const index = indexOf(store, query)
  const items: Request[] = []
  let before = query.before
  for (let scanned = 0; scanned < MOST_SCANNED; scanned += READ_AT_ONCE) {
    const max = before === null ? '+' : `(${before}`
    const ids = await store.redis.zrevrangebylex(index, max, '-', 'LIMIT', 0, READ_AT_ONCE)
    for (const request of await fetch(ids)) {
      before = request.requestId
      if (isAskedFor(request, query)) items.push(request)
      if (items.length === query.limit) return { items, next: before }
    }
    if (ids.length < READ_AT_ONCE) return { items, next: null }
    // What was forgotten in between is passed over, too.
    before = ids.at(-1) ?? before
  }
  return { items, next: before }
}

const ENDED: ReadonlySet<string> = new Set(['delivered', 'failed', 'cancelled'])

// The narrowest index there is; what it does not cover is filtered record by record.
function indexOf({ key }: Store, { state, service, reference, account }: Query): string {
  if (account !== null) return key('account', account)
  if (reference !== null) return key('reference', referenceHash(reference))
  if (state !== null) return key('state', state)
  return service === null ? key('requests') : key('service', service)
}

function isAskedFor(request: Request, query: Query): boolean {
  const { state, service, reference, account } = query
  return (
    (account === null || request.account?.id === account) &&
    (state === null || request.state === state) &&
    (service === null || request.service === service) &&
    (reference === null || request.reference === reference)
  )
}
