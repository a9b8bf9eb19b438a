import type { Selection } from '../../core/operations/operation.ts'
import { compare, readPlace, writePlace } from '../quarantine/quarantine-page.ts'
import type { Quarantine, Quarantined } from '../quarantine/quarantine.ts'
import type { Store } from '../store.ts'

/** An entry of the quarantine, and its place in a selection. */
export interface SelectedEntry {
  readonly id: string
  readonly place: string
}

export interface EntryPage {
  readonly entries: readonly SelectedEntry[]
  /** The place behind which the next page starts; null on the last page. */
  readonly next: string | null
}

/** The quarantine entries that operations take, in one part of the ledger. */
export interface EntryPages {
  /** Entries of a selection that were received until an instant, oldest first, behind a place. */
  page(selection: Selection, at: number, behind: string | null): Promise<EntryPage>
}

const PER_PAGE = 100

export function createEntryPages(store: Store, { find }: Pick<Quarantine, 'find'>): EntryPages {
  return {
    async page(selection, at, behind) {
      const isBehind = (place: string) => behind === null || placeIsAfter(behind, place)
      const places =
        selection.ids === null
          ? await placesUntil(store, at, behind, isBehind)
          : selection.ids
              .filter((id) => behind === null || id > behind)
              .map((id) => ({ id, place: id }))
      const page = places.slice(0, PER_PAGE)
      const kept = await Promise.all(page.map(({ id }) => find(id)))
      const entries = page.filter((_, index) => isSelected(selection, at, kept[index] ?? null))
      const next = places.length >= PER_PAGE ? (page.at(-1)?.place ?? null) : null
      return { entries, next }
    }
  }
}

/** The places of a page, with those that share the instant of its last one. */
async function placesUntil(
  { redis, key }: Store,
  at: number,
  behind: string | null,
  isBehind: (place: string) => boolean
): Promise<readonly SelectedEntry[]> {
  const from = behind === null ? '-inf' : readPlace(behind).receivedAt
  const found: SelectedEntry[] = []
  for (let offset = 0; found.length < PER_PAGE; offset += PER_PAGE) {
    const within = [from, at, 'WITHSCORES', 'LIMIT', offset, PER_PAGE] as const
    const scored = await redis.zrangebyscore(key('quarantine'), ...within)
    for (let index = 0; index < scored.length; index += 2) {
      const quarantineId = scored[index] ?? ''
      const place = writePlace({ receivedAt: Number(scored[index + 1]), quarantineId })
      if (isBehind(place)) found.push({ id: quarantineId, place })
    }
    if (scored.length < 2 * PER_PAGE) break
  }
  return found
}

function placeIsAfter(behind: string, place: string): boolean {
  return compare(readPlace(behind), readPlace(place)) > 0
}

function isSelected(
  { kinds, since, until }: Selection,
  at: number,
  kept: Quarantined | null
): boolean {
  if (kept === null || kept.receivedAt > at) return false
  return (
    (kinds === null || kinds.includes(kept.kind)) &&
    (since === null || kept.receivedAt >= since) &&
    (until === null || kept.receivedAt < until)
  )
}
