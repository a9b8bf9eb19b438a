import { bankOf, isAskedFor, readGroup } from '../../core/groups/group.ts'
import type { Selection } from '../../core/operations/operation.ts'
import { placeOf } from '../../core/placement.ts'
import type { Request } from '../../core/request.ts'
import { sizeGroups } from '../groups.ts'
import { readRecord } from '../load.ts'
import { boundsBetween, mapOf, type Store } from '../store.ts'

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
      const { since, until } = selection
      const { groups, now } = await sizeGroups(store, since, until)
      if (groups === null) return { groups, now }
      const meant = groups.filter(({ name }) => isMeant(selection, null, name))
      return { groups: new Map(meant.map(({ name, count }) => [name, count])), now }
    },

    async page(selection, bank, behind) {
      if (selection.ids !== null) return pageOfIds(store, place, selection.ids, behind)
      const [isComplete, fields] = await scripts.countGroups()
      const groups = [...mapOf(fields).keys()].filter((name) => isMeant(selection, bank, name))
      // Where the groups are not complete, each record tells whether it is in the selection.
      const indexes = isComplete === 1 ? groups.map((name) => `group:${name}`) : ['requests']
      if (indexes.length === 0) return { requests: [], next: null }
      const [oldest, newest] = boundsBetween(selection.since, selection.until)
      const from = behind === null ? oldest : `(${behind}`
      const bounds = ['up', from, newest, oldest] as const
      const [, next, ...records] = await scripts.mergePage(...bounds, PER_PAGE, ...indexes)
      return { requests: records.map(readRecord), next: next === '' ? null : next }
    }
  }
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
