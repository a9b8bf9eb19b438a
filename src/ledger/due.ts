import { groupOf } from '../core/groups/group.ts'
import { isUnpublished } from '../core/result-head.ts'
import { isOpen, type Request } from '../core/request.ts'
import { readRecord } from './load.ts'
import { allNamesOf } from './indexes/names.ts'
import type { Store } from './store.ts'

/** Queries by instant. */
export interface DueQueries {
  /** For how many ms the oldest overdue request has been overdue; 0 if none is. */
  overdueMs(): Promise<number>
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

export function createDueQueries(store: Store): DueQueries {
  const { redis, key, scripts } = store
  return {
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
        const forgotten = await forgetAll(store, ids)
        if (forgotten > 0 || ids.length < limit) return forgotten
      }
    }
  }
}

async function forgetAll({ redis, key, scripts }: Store, ids: readonly string[]): Promise<number> {
  const records = await Promise.all(ids.map((id) => redis.hget(key('request', id), 'record')))
  const requests = records.flatMap((record) => (record === null ? [] : [readRecord(record)]))
  let forgotten = 0
  for (const request of requests.filter((one) => !isOpen(one) && !isUnpublished(one))) {
    const names = JSON.stringify(allNamesOf(request))
    forgotten += await scripts.forget(request.requestId, groupOf(request), names)
  }
  return forgotten
}

async function readOverdueMs(store: Store): Promise<number> {
  const { redis, key } = store
  const oldest = (name: string) => redis.zrange(key(name), '0', '0', 'WITHSCORES')
  const found = await Promise.all([oldest('due'), oldest('received')])
  const instants = found.flatMap(([, score]) => (score === undefined ? [] : [Number(score)]))
  return Math.max(0, (await store.scripts.now()) - Math.min(...instants))
}
