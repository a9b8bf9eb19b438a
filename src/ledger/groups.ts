import { ENDED, groupOf, readGroup, type SizedGroup } from '../core/groups/group.ts'
import { readRecord } from './load.ts'
import { firstIdAt, instantOf, mapOf, type Store } from './store.ts'

/** The groups of requests, as every change of a request keeps them. */
export interface Groups {
  /** How many requests each group has; null while requests of an older version are missing. */
  counts(): Promise<ReadonlyMap<string, number> | null>
  /**
   * Puts some requests of an older version into their groups. Then checks some members of live groups: a process of an
   * older version, during a rollout, changes requests and not their groups. Returns how many it corrected.
   */
  heal(): Promise<number>
}

/** How many requests one call puts into groups, and how many members it checks. */
const INDEXED_AT_ONCE = 500
const CHECKED_AT_ONCE = 200

export function createGroups(store: Store): Groups {
  const { scripts } = store
  let turn = 0
  const reached = new Map<string, string>()
  return {
    counts: () => readCounts(store),

    async heal() {
      const [isComplete, fields] = await scripts.countGroups()
      if (isComplete === 0) await indexSome(store)
      const live = [...countsIn(fields).keys()]
        .filter((name) => !ENDED.has(readGroup(name).state))
        .toSorted()
      const name = live[turn % Math.max(live.length, 1)]
      turn += 1
      if (name === undefined) return 0
      const { corrected, next } = await checkSome(store, name, reached.get(name) ?? null)
      reached.delete(name)
      if (next !== null) reached.set(name, next)
      return corrected
    }
  }
}

/** How many requests each group has; null while requests of an older version are missing. */
export async function readCounts({
  scripts
}: Pick<Store, 'scripts'>): Promise<ReadonlyMap<string, number> | null> {
  const [isComplete, fields] = await scripts.countGroups()
  return isComplete === 1 ? countsIn(fields) : null
}

/** The groups with requests that were asked for from an instant on; null while requests of an older version are missing. */
export async function readSizes(
  { scripts }: Pick<Store, 'scripts'>,
  since: number | null
): Promise<readonly SizedGroup[] | null> {
  const oldest = since === null ? '-' : `[${firstIdAt(since)}`
  const [isComplete, ...fields] = await scripts.sizeGroups(oldest)
  if (isComplete === 0) return null
  return Array.from({ length: fields.length / 3 }, (_, index) => {
    const [name = '', count, firstId = ''] = fields.slice(index * 3)
    return { name, count: Number(count), oldestAt: instantOf(firstId) }
  })
}

function countsIn(fields: readonly string[]): Map<string, number> {
  return new Map([...mapOf(fields)].map(([name, count]) => [name, Number(count)]))
}

async function indexSome(store: Store): Promise<void> {
  const { redis, key } = store
  const from = await redis.hget(key('indexing'), 'from')
  const min = from === null ? '-' : `(${from}`
  const ids = await redis.zrangebylex(key('requests'), min, '+', 'LIMIT', 0, INDEXED_AT_ONCE)
  for (const id of ids) await enterOwn(store, id, '')
  const last = ids.at(-1)
  if (last !== undefined) await redis.hset(key('indexing'), 'from', last)
  if (ids.length < INDEXED_AT_ONCE) await redis.hset(key('indexing'), 'done', 1)
}

/** Looks at the members of a group behind an id. Returns the id to go on behind, or null after the last one. */
async function checkSome(store: Store, name: string, behind: string | null) {
  const { redis, key } = store
  const min = behind === null ? '-' : `(${behind}`
  const ids = await redis.zrangebylex(key('group', name), min, '+', 'LIMIT', 0, CHECKED_AT_ONCE)
  const moved = await Promise.all(ids.map((id) => enterOwn(store, id, name)))
  const next = ids.length < CHECKED_AT_ONCE ? null : (ids.at(-1) ?? null)
  return { corrected: moved.filter(Boolean).length, next }
}

/** Moves a request from a group to its own. False if it was there, or changed meanwhile. */
async function enterOwn(
  { redis, key, scripts }: Store,
  id: string,
  from: string
): Promise<boolean> {
  const [version, record] = await redis.hmget(key('request', id), 'version', 'record')
  const to = record ? groupOf(readRecord(record)) : ''
  return to !== from && (await scripts.enterGroup(id, version ?? '', from, to)) === 1
}
