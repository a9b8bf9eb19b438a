import { sum } from '../core/sum.ts'
import type { SizedGroup } from '../core/groups/group.ts'
import type { Totals } from './queries.ts'
import type { Request } from '../core/request.ts'
import type { DuePage, DuePlace } from './indexes/due-list.ts'
import type { ListPage } from './listing.ts'

/** Part of a list that has an order, and the place behind which it goes on; null at its end. */
interface Part<Item, Place> {
  readonly items: readonly Item[]
  readonly next: Place | null
}

interface Merged<Item, Place> extends Part<Item, Place> {
  /** Whether the page has as many items as it may. */
  readonly isFull: boolean
}

/**
 * Merges one page of each part of the ledger into one. A part with further items has been searched as far as its place.
 * Items behind any such place belong to a later page.
 */
export function mergeInOrder<Item, Place>(
  parts: readonly Part<Item, Place>[],
  limit: number,
  placeOf: (item: Item) => Place,
  compare: (one: Place, other: Place) => number
): Merged<Item, Place> {
  const ends = parts.flatMap(({ next }) => (next === null ? [] : [next])).toSorted(compare)
  const searchedTo = ends[0] ?? null
  const items = parts
    .flatMap((part) => part.items)
    .filter((item) => searchedTo === null || compare(placeOf(item), searchedTo) <= 0)
    .toSorted((one, other) => compare(placeOf(one), placeOf(other)))
  if (items.length < limit) return { items, next: searchedTo, isFull: false }
  const shown = items.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown, next: last === undefined ? null : placeOf(last), isFull: true }
}

/** Compares ids for sorting, newest first. */
export function newestFirst(one: string, other: string): number {
  return one < other ? 1 : Number(one === other) - 1
}

/** Merges pages of requests, newest first. */
export function mergePages(pages: readonly ListPage[], limit: number): ListPage {
  const idOf = ({ requestId }: Request) => requestId
  const { items, next, isFull } = mergeInOrder(pages, limit, idOf, newestFirst)
  const totals = pages.flatMap(({ total }) => (total === null ? [] : [total]))
  const total = totals.length < pages.length ? null : sum(totals)
  return { items, next, total, partial: !isFull && pages.some(({ partial }) => partial) }
}

/** Merges pages of requests by the instant of their next step. */
export function mergeDuePages(pages: readonly DuePage[], limit: number): DuePage {
  const placeOf = ({ instant, requestId }: DuePlace): DuePlace => ({ instant, requestId })
  const { items, next, isFull } = mergeInOrder(pages, limit, placeOf, byPlace)
  return { items, next, partial: !isFull && pages.some(({ partial }) => partial) }
}

function byPlace(one: DuePlace, other: DuePlace): number {
  return one.instant - other.instant || newestFirst(other.requestId, one.requestId)
}

/** The groups of all parts of the ledger; null where one part is not indexed yet. */
export function mergeSizes(
  all: readonly (readonly SizedGroup[] | null)[]
): readonly SizedGroup[] | null {
  const merged = new Map<string, SizedGroup>()
  for (const sizes of all) {
    if (sizes === null) return null
    for (const group of sizes) {
      const { count = 0, oldestAt = Infinity } = merged.get(group.name) ?? {}
      merged.set(group.name, {
        name: group.name,
        count: count + group.count,
        oldestAt: Math.min(oldestAt, group.oldestAt)
      })
    }
  }
  return [...merged.values()]
}

/** The totals of all parts of the ledger. */
export function sumTotals(all: readonly Totals[]): Totals {
  return {
    accepted: sum(all.map(({ accepted }) => accepted)),
    ended: sumByName(all.map(({ ended }) => ended)),
    live: sumByName(all.map(({ live }) => live)),
    setAside: sum(all.map(({ setAside }) => setAside))
  }
}

function sumByName(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>()
  for (const [name, count] of all.flatMap((one) => Object.entries(one))) {
    sums.set(name, (sums.get(name) ?? 0) + count)
  }
  return Object.fromEntries(sums)
}
