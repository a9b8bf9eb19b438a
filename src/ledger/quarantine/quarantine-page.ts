import type { Store } from '../store.ts'

/**
 * The place of an entry in the list of the quarantine, newest first. Entries of one instant are ordered by their ids.
 */
export interface Place {
  readonly receivedAt: number
  readonly quarantineId: string
}

/**
 * The entries behind a place, newest first, from an instant on. `find` reads one; it returns null if the entry was deleted
 * meanwhile or is not asked for.
 */
export async function listBehind<Entry extends Place>(
  { redis, key }: Store,
  find: (id: string) => Promise<Entry | null>,
  { behind: place, since }: { readonly behind: Place | null; readonly since: number | null },
  limit: number
): Promise<readonly Entry[]> {
  const newest = place?.receivedAt ?? '+inf'
  const found: Entry[] = []
  for (let offset = 0; found.length < limit; offset += limit) {
    const within = [newest, since ?? '-inf', 'LIMIT', offset, limit] as const
    const ids = await redis.zrevrangebyscore(key('quarantine'), ...within)
    const entries = (await Promise.all(ids.map(find))).filter((entry) => entry !== null)
    found.push(...entries.filter((entry) => place === null || compare(place, entry) < 0))
    if (ids.length < limit) break
  }
  return found.slice(0, limit)
}

/** Compares places for sorting, newest first. */
export function compare(one: Place, other: Place): number {
  if (one.receivedAt !== other.receivedAt) return other.receivedAt - one.receivedAt
  if (one.quarantineId === other.quarantineId) return 0
  return one.quarantineId < other.quarantineId ? 1 : -1
}

/** A place as text, for a cursor. */
export function writePlace({ receivedAt, quarantineId }: Place): string {
  return `${receivedAt}.${quarantineId}`
}

/** Reads a text from writePlace. */
export function readPlace(text: string): Place {
  const [receivedAt = '', quarantineId = ''] = text.split('.')
  return { receivedAt: Number(receivedAt), quarantineId }
}
