import type { Fault, QuarantineKind } from '../../schemas/generated.ts'
import { quarantineId } from '../../crypto/callback-id.ts'
import { openStored, type StoredBody } from '../stored-body.ts'
import { listBehind, type Place } from './quarantine-page.ts'
import { encryptBody, type EncryptedBody } from '../../crypto/encrypt.ts'
import type { Store } from '../store.ts'
import type { LateClaim } from '../scripts.ts'

/** The origin of a body. */
export interface Source {
  readonly requestId: string
  readonly attempt: number
  /** True if Khipu sent the body for that attempt; false if its request is no longer in the ledger. */
  readonly marksAttempt?: boolean
}

export const QUARANTINE_KINDS: readonly QuarantineKind[] = [
  'not-json',
  'schema',
  'conflict',
  'late'
]

/** The metadata of a kept body. */
export interface Quarantined {
  readonly quarantineId: string
  readonly kind: QuarantineKind
  readonly requestId: string
  readonly attempt: number
  readonly sha256: string
  readonly size: number
  readonly faults: readonly Fault[]
  readonly receivedAt: number
}

/** Bodies that could not be accepted, stored encrypted and byte for byte, with the reasons. */
export interface Quarantine {
  /**
   * Keeps a rejected body. The same bytes for the same callback token are one entry. If the quarantine is full, the
   * oldest entry is evicted.
   * Null if the request has already filled its share. A body that was answered `takenMsAgo` gets that earlier instant,
   * and replaces the request's oldest entry instead. The request records that a callback was kept: at the deadline it
   * is parked and not sent again.
   */
  keep(
    from: Source,
    kind: QuarantineKind,
    faults: readonly Fault[],
    body: Uint8Array | EncryptedBody,
    takenMsAgo?: number
  ): Promise<string | null>
  find(id: string): Promise<Quarantined | null>
  /** A kept body as it is stored, encrypted; null once it was discarded. */
  stored(kept: Quarantined): Promise<StoredBody | null>
  /** The bytes of a kept body; null once they were discarded. */
  open(kept: Quarantined): Promise<Buffer | null>
  /** The matching entries behind a place, newest first; from the newest on if the place is null. */
  list(
    behind: Place | null,
    limit: number,
    filter?: QuarantineFilter
  ): Promise<readonly Quarantined[]>
  usage(): Promise<Usage>
  /** Whether a request gets its late result from this entry. A request has at most one late result. */
  claimLate(kept: Quarantined): Promise<LateClaim>
  /** Records that the claimed result is on the queue. */
  settleLate(kept: Quarantined): Promise<void>
  /** Deletes an entry. True if it existed. */
  discard(id: string): Promise<boolean>
  /** Discards expired entries, then the oldest ones above the limits. */
  tidy(now: number): Promise<void>
}

/** Which entries are asked for; null for any. `since` is an instant in ms since 1970. */
export interface QuarantineFilter {
  readonly kinds: readonly string[] | null
  readonly requestId: string | null
  readonly since: number | null
}

/** The limits of the quarantine. */
export interface QuarantineBounds {
  readonly mostEntries: number
  readonly mostBytes: number
  readonly retentionMs: number
}

/** The content of the quarantine, and the total of evicted entries. */
export interface Usage {
  readonly entries: number
  readonly bytes: number
  readonly evicted: number
  /** The fill level by the narrower limit. At 1 the oldest entry is evicted for a new one. */
  readonly filled: number
}

/** The share of one request: 20 bodies, and a tenth of the bytes. */
export function shareOf({ mostBytes }: QuarantineBounds) {
  return { entries: 20, bytes: Math.floor(mostBytes / 10) }
}

export function createQuarantine(store: Store, bounds: QuarantineBounds): Quarantine {
  const { redis, cipher, key, scripts } = store
  const most = [bounds.mostEntries, bounds.mostBytes] as const

  async function find(id: string): Promise<Quarantined | null> {
    const [entry, receivedAt] = await redis.hmget(key('quarantine', id), 'entry', 'receivedAt')
    if (entry === null || entry === undefined) return null
    const kept = JSON.parse(entry) as Omit<Quarantined, 'quarantineId' | 'receivedAt'>
    return { ...kept, quarantineId: id, receivedAt: Number(receivedAt) }
  }

  const stored: Quarantine['stored'] = async (kept) => {
    const { quarantineId: id, requestId, attempt, sha256 } = kept
    const sealed = await redis.hgetBuffer(key('quarantine', id), 'body')
    if (sealed === null) return null
    const body = { requestId, callbackId: `${attempt}.${sha256}`, sealed }
    return { ...body, open: () => openStored(cipher, body) }
  }

  return {
    find,
    stored,
    open: async (kept) => (await stored(kept))?.open() ?? null,

    discard: async (id) => (await scripts.discard(id)) === 1,

    async keep({ requestId, attempt, marksAttempt = false }, kind, faults, body, takenMsAgo) {
      const kept = body instanceof Uint8Array ? encryptBody(cipher, body, requestId) : body
      const { size, sha256, sealed } = kept
      const id = quarantineId(requestId, `${attempt}.${sha256}`)
      const entry = { kind, requestId, attempt, sha256, size, faults }
      const share = shareOf(bounds)
      const fields = [JSON.stringify(entry), sealed, size, share.entries, share.bytes]
      const taken = takenMsAgo === undefined ? [] : [takenMsAgo]
      const bounded = [...fields, ...most, marksAttempt ? attempt : '', ...taken]
      return (await scripts.quarantine(id, requestId, ...bounded)) === -1 ? null : id
    },

    list: (behind, limit, filter = EVERY_ENTRY) =>
      listBehind(store, findMatching(find, filter), { behind, since: filter.since }, limit),

    usage: () => usageOf(store, bounds),

    claimLate: async ({ requestId, quarantineId: id }) => scripts.claimLate(id, requestId),

    async settleLate({ requestId, quarantineId: id }) {
      await redis.set(key('late', requestId), `published:${id}`)
    },

    async tidy(now) {
      await scripts.tidy(...most, now - bounds.retentionMs)
    }
  }
}

const EVERY_ENTRY: QuarantineFilter = { kinds: null, requestId: null, since: null }

function findMatching(
  find: Quarantine['find'],
  { kinds, requestId }: QuarantineFilter
): Quarantine['find'] {
  return async (id) => {
    const kept = await find(id)
    if (kept === null || (requestId !== null && kept.requestId !== requestId)) return null
    return (kinds?.includes(kept.kind) ?? true) ? kept : null
  }
}

async function usageOf({ redis, key }: Store, bounds: QuarantineBounds): Promise<Usage> {
  const [entries, sums] = await Promise.all([
    redis.zcard(key('quarantine')),
    redis.hmget(key('totals'), 'quarantineBytes', 'quarantineEvicted')
  ])
  const [bytes = 0, evicted = 0] = sums.map(Number)
  const filled = Math.max(entries / bounds.mostEntries, bytes / bounds.mostBytes)
  return { entries, bytes, evicted, filled }
}
