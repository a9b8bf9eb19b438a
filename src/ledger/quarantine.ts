import type { Fault, QuarantineKind } from '../schemas/generated.ts'
import { quarantineId } from '../crypto/callback-id.ts'
import { openStored, type StoredBody } from './ledger.ts'
import { listBehind, type Place } from './quarantine-page.ts'
import { encryptBody, type EncryptedBody } from '../crypto/encrypt.ts'
import type { Store } from './store.ts'
import type { LateClaim } from './scripts.ts'

/** Where a body comes from. */
export interface Source {
  readonly requestId: string
  readonly attempt: number
  /** True of what Khipu sent for that attempt; not of a body whose request is known no more. */
  readonly marksAttempt?: boolean
}

/** What is known of a kept body: everything but the body. */
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

/** Bodies that could not be accepted, byte for byte, sealed, with the reasons. */
export interface Quarantine {
  /**
   * Keeps a body that was refused; the same bytes on the same capability are one entry. The oldest entry
   * gives way where there is no room. Null where the request has its share in the quarantine already; one
   * that was answered for `takenMsAgo` counts from then, and is kept in the place of the request's oldest. A callback
   * is remembered by its request: at the deadline it is parked, and not sent again.
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
  /** Newest first, those behind a place; from the newest on where that is null. */
  list(behind: Place | null, limit: number): Promise<readonly Quarantined[]>
  usage(): Promise<Usage>
  /** Whether this entry is the one whose late result a request gets; there is one such result, ever. */
  claimLate(kept: Quarantined): Promise<LateClaim>
  /** Remembers that the result that was claimed is on the queue. */
  settleLate(kept: Quarantined): Promise<void>
  /** True where there was such an entry. */
  discard(id: string): Promise<boolean>
  /** Discards what is older than it may be, and then the oldest that there is no room for. */
  tidy(now: number): Promise<void>
}

/** Claimed, and to be published; published already; or another entry's. */

/** What the quarantine holds at the most. */
export interface QuarantineBounds {
  readonly mostEntries: number
  readonly mostBytes: number
  readonly retentionMs: number
}

/** What the quarantine holds, and how many entries have had to give way, ever. */
export interface Usage {
  readonly entries: number
  readonly bytes: number
  readonly evicted: number
  /** How full it is by the narrower of its bounds; at 1 the oldest entry gives way to a new one. */
  readonly filled: number
}

/** What one request may fill of it: so many bodies, and a tenth of the room. */
export function shareOf({ mostBytes }: QuarantineBounds) {
  return { entries: 20, bytes: Math.floor(mostBytes / 10) }
}

export function createQuarantine(store: Store, bounds: QuarantineBounds): Quarantine {
  const { redis, sealer, key, scripts } = store
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
    return { ...body, open: () => openStored(sealer, body) }
  }

  return {
    find,
    stored,
    open: async (kept) => (await stored(kept))?.open() ?? null,

    discard: async (id) => (await scripts.discard(id)) === 1,

    async keep({ requestId, attempt, marksAttempt = false }, kind, faults, body, takenMsAgo) {
      const kept = body instanceof Uint8Array ? encryptBody(sealer, body, requestId) : body
      const { size, sha256, sealed } = kept
      const id = quarantineId(requestId, `${attempt}.${sha256}`)
      const entry = { kind, requestId, attempt, sha256, size, faults }
      const share = shareOf(bounds)
      const fields = [JSON.stringify(entry), sealed, size, share.entries, share.bytes]
      const taken = takenMsAgo === undefined ? [] : [takenMsAgo]
      const bounded = [...fields, ...most, marksAttempt ? attempt : '', ...taken]
      return (await scripts.quarantine(id, requestId, ...bounded)) === -1 ? null : id
    },

    list: (behind, limit) => listBehind(store, find, behind, limit),

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

async function usageOf({ redis, key }: Store, bounds: QuarantineBounds): Promise<Usage> {
  const [entries, sums] = await Promise.all([
    redis.zcard(key('quarantine')),
    redis.hmget(key('totals'), 'quarantineBytes', 'quarantineEvicted')
  ])
  const [bytes = 0, evicted = 0] = sums.map(Number)
  const filled = Math.max(entries / bounds.mostEntries, bytes / bounds.mostBytes)
  return { entries, bytes, evicted, filled }
}
