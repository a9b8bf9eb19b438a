import type { Request, State } from '../core/request.ts'
import { referenceHash, type Store } from './store.ts'

/** The filter of a listing. `before` is the request id at the end of the previous page. */
export interface Query {
  readonly state: State | null
  readonly service: string | null
  readonly reference: string | null
  /** The id of an account, as in the records. */
  readonly account: string | null
  readonly before: string | null
  readonly limit: number
}

export interface Page {
  readonly items: readonly Request[]
  /** The id after which the next page starts; null on the last page. */
  readonly next: string | null
}

/** How many records one filtered page examines at most, and how many it reads at once. */
const MOST_SCANNED = 1000
export const READ_AT_ONCE = 100

/** A page of the matching requests, newest first. `fetch` reads the requests of some ids. */
export async function listPage(
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
    // Requests that were deleted meanwhile are skipped as well.
    before = ids.at(-1) ?? before
  }
  return { items, next: before }
}

// The narrowest index. The other filters are applied record by record.
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
