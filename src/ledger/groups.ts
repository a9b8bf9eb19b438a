import { groupOf, type SizedGroup } from '../core/groups/group.ts'
import { type State, STATES } from '../core/request.ts'
import { type AllNames, allNamesOf } from './indexes/names.ts'
import { readRecord } from './load.ts'
import { sum } from '../core/sum.ts'
import { boundsBetween, instantOf, mapOf, type Store } from './store.ts'

/** The groups of requests, as every change of a request keeps them. */
export interface Groups {
  /** How many requests each group has; null while requests of an older version are missing. */
  counts(): Promise<ReadonlyMap<string, number> | null>
  /**
   * Indexes some of the requests that a process of an older version has written, and takes out some of those that it has
   * deleted. Returns how many there were after all had been indexed: such a process still runs, during a rollout.
   */
  heal(): Promise<number>
}

/** How many requests of each state one call indexes, and how many of a group it looks for. */
const INDEXED_AT_ONCE = 1000
const CHECKED_AT_ONCE = 200

export function createGroups(store: Store): Groups {
  let turn = 0
  return {
    counts: () => readCounts(store),

    async heal() {
      const [isComplete, fields] = await store.scripts.countGroups()
      const names = [...countsIn(fields).keys()].toSorted()
      const name = names[turn % Math.max(names.length, 1)]
      turn += 1
      let corrected = name === undefined ? 0 : await takeOutDeleted(store, name)
      let isLeft = false
      for (const state of STATES) {
        const { found, wrong } = await indexSome(store, state)
        corrected += wrong
        isLeft ||= found === INDEXED_AT_ONCE
      }
      if (isComplete === 1) return corrected
      if (!isLeft) await store.redis.hset(store.key('indexing'), 'done', 1)
      return 0
    }
  }
}

/** The part of the requests that is in groups, from 0 to 1. The others are in the index by state of older versions. */
export async function readIndexed({ redis, key }: Store): Promise<number> {
  const all = await redis.zcard(key('requests'))
  const left = await Promise.all(STATES.map((state) => redis.zcard(key('state', state))))
  return all === 0 ? 1 : Math.max(0, 1 - sum(left) / all)
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
  store: Pick<Store, 'scripts'>,
  since: number | null
): Promise<readonly SizedGroup[] | null> {
  return (await sizeGroups(store, since, null)).groups
}

/** The groups with requests that were asked for between two instants, and Redis's clock. */
export async function sizeGroups(
  { scripts }: Pick<Store, 'scripts'>,
  since: number | null,
  until: number | null
): Promise<{ readonly groups: readonly SizedGroup[] | null; readonly now: number }> {
  const [isComplete, now, ...fields] = await scripts.sizeGroups(...boundsBetween(since, until))
  if (isComplete === 0) return { groups: null, now }
  const groups = Array.from({ length: fields.length / 3 }, (_, index) => {
    const [name = '', count, firstId = ''] = fields.slice(index * 3)
    return { name, count: Number(count), oldestAt: instantOf(firstId) }
  })
  return { groups, now }
}

function countsIn(fields: readonly string[]): Map<string, number> {
  return new Map([...mapOf(fields)].map(([name, count]) => [name, Number(count)]))
}

/** The index of a state, which older versions keep, has the requests that no newer one has changed or indexed since. */
async function indexSome(store: Store, state: State) {
  const { redis, key } = store
  const ids = await redis.zrange(key('state', state), '0', `${INDEXED_AT_ONCE - 1}`)
  const outcomes = await Promise.all(ids.map((id) => reindex(store, id, state)))
  return { found: ids.length, wrong: outcomes.filter((outcome) => outcome === 1).length }
}

/** The oldest requests of a group are the first to be deleted. */
async function takeOutDeleted({ redis, key, scripts }: Store, name: string): Promise<number> {
  const ids = await redis.zrange(key('group', name), '0', `${CHECKED_AT_ONCE - 1}`)
  const exist = await Promise.all(ids.map((id) => redis.exists(key('request', id))))
  const deleted = ids.filter((_, index) => exist[index] === 0)
  const names = JSON.stringify({ operations: [], old: [] } satisfies AllNames)
  await Promise.all(deleted.map((id) => scripts.reindex(id, '', '', '', names)))
  return deleted.length
}

async function reindex({ redis, key, scripts }: Store, id: string, foundIn: State) {
  const [version, record] = await redis.hmget(key('request', id), 'version', 'record')
  if (!record) return scripts.reindex(id, '', '', '', JSON.stringify(noNames(foundIn)))
  const request = readRecord(record)
  const { old, ...names } = allNamesOf(request)
  const all = { ...names, old: [...old, ...noNames(foundIn).old] }
  const fields = [version ?? '', request.state, groupOf(request)] as const
  return scripts.reindex(id, ...fields, JSON.stringify(all))
}

function noNames(foundIn: State): AllNames {
  return { operations: [], old: [`state:${foundIn}`] }
}
