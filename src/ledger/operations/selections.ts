import { bankOf, isAskedFor, readGroup } from '../../core/groups/group.ts'
import type { Selection } from '../../core/operations/operation.ts'
import { placeOf } from '../../core/placement.ts'
import type { Request } from '../../core/request.ts'
import { readRecord } from '../load.ts'
import { firstIdAt, mapOf, type Store } from '../store.ts'

/** How many requests of each group a selection has, in one part of the ledger. */
export interface Counted {
  /** By group; null while requests of an older version are missing in the groups. */
  readonly groups: ReadonlyMap<string, number> | null
  readonly now: number
}

export interface SelectionPage {
  readonly requests: readonly Request[]
  /** The id behind which the next page starts; null on the last page. */
  readonly next: string | null
}

/** The selections of operations in one part of the ledger. */
export interface Selections {
  count(selection: Selection): Promise<Counted>
  /** Requests that may be in a selection, of a bank or of all banks, oldest first, behind an id. */
  page(selection: Selection, bank: string | null, behind: string | null): Promise<SelectionPage>
}

/** Which part of the ledger it is, of how many. */
interface Place {
  readonly index: number
  readonly count: number
}

const PER_PAGE = 100

export function createSelections(store: Store, place: Place): Selections {
  const { scripts } = store
  return {
    async count(selection) {
      const [isComplete, now, ...fields] = await scripts.countMembers(...boundsOf(selection))
      if (isComplete === 0) return { groups: null, now }
      const counts = [...mapOf(fields)].map(([name, count]) => [name, Number(count)] as const)
      return { groups: new Map(counts.filter(([name]) => isMeant(selection, null, name))), now }
    },

    async page(selection, bank, behind) {
      if (selection.ids !== null) return pageOfIds(store, place, selection.ids, behind)
      const [isComplete, fields] = await scripts.countGroups()
      const groups = [...mapOf(fields).keys()].filter((name) => isMeant(selection, bank, name))
      // Where the groups are not complete, each record tells whether it is in the selection.
      const indexes = isComplete === 1 ? groups.map((name) => `group:${name}`) : ['requests']
      if (indexes.length === 0) return { requests: [], next: null }
      const [oldest, newest] = boundsOf(selection)
      const from = behind === null ? oldest : `(${behind}`
      const [next, ...records] = await scripts.oldestMembers(from, newest, PER_PAGE, ...indexes)
      return { requests: records.map(readRecord), next: next === '' ? null : next }
    }
  }
}

function boundsOf({ since, until }: Selection): readonly [oldest: string, newest: string] {
  return [
    since === null ? '-' : `[${firstIdAt(since)}`,
    until === null ? '+' : `(${firstIdAt(until)}`
  ]
}

function isMeant({ groups }: Selection, bank: string | null, name: string): boolean {
  const group = readGroup(name)
  return isAskedFor(groups, group) && (bank === null || bankOf(group.service) === bank)
}

async function pageOfIds(
  { redis, key }: Store,
  { index, count }: Place,
  ids: readonly string[],
  behind: string | null
): Promise<SelectionPage> {
  const own = ids.filter((id) => placeOf(id, count) === index && (behind === null || id > behind))
  const page = own.slice(0, PER_PAGE)
  const records = await Promise.all(page.map((id) => redis.hget(key('request', id), 'record')))
  const requests = records.flatMap((record) => (record === null ? [] : [readRecord(record)]))
  return { requests, next: own.length > page.length ? (page.at(-1) ?? null) : null }
}
