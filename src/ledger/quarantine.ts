import { createHash } from 'node:crypto'
import type { Fault, QuarantineKind } from '../schemas/generated.ts'
import { quarantineId } from './ids.ts'
import type { Store } from './store.ts'

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
   * Keeps a body that was refused; the same bytes on the same capability are one entry. Null where there
   * is no room for it: the quarantine is full, or the request has its share in it already.
   */
  keep(
    from: { readonly requestId: string; readonly attempt: number },
    kind: QuarantineKind,
    faults: readonly Fault[],
    body: Uint8Array
  ): Promise<string | null>
  find(id: string): Promise<Quarantined | null>
  open(kept: Quarantined): Promise<Buffer | null>
  /** Newest first, from an offset on. */
  list(offset: number, limit: number): Promise<readonly Quarantined[]>
  size(): Promise<number>
  /** True where this entry is the one whose late result a request gets; there is one such result, ever. */
  claimLate(kept: Quarantined): Promise<boolean>
  /** True where there was such an entry. */
  discard(id: string): Promise<boolean>
  discardBefore(instant: number): Promise<void>
}

const MOST_ENTRIES = 10_000
const MOST_OF_ONE_REQUEST = 20

export function createQuarantine(store: Store): Quarantine {
  const { redis, sealer, key, run } = store
  const index = key('quarantine')

  async function find(id: string): Promise<Quarantined | null> {
    const [entry, receivedAt] = await redis.hmget(key('quarantine', id), 'entry', 'receivedAt')
    if (entry === null || entry === undefined) return null
    const kept = JSON.parse(entry) as Omit<Quarantined, 'quarantineId' | 'receivedAt'>
    return { ...kept, quarantineId: id, receivedAt: Number(receivedAt) }
  }

  async function discard(id: string): Promise<boolean> {
    await redis.zrem(index, id)
    return (await redis.del(key('quarantine', id))) === 1
  }

  return {
    find,
    discard,

    async keep({ requestId, attempt }, kind, faults, body) {
      const sha256 = createHash('sha256').update(body).digest('hex')
      const id = quarantineId(requestId, `${attempt}.${sha256}`)
      const entry = { kind, requestId, attempt, sha256, size: body.length, faults }
      const sealed = sealer.seal(body, requestId)
      const most = [MOST_ENTRIES, MOST_OF_ONE_REQUEST]
      const reply = await run('quarantine', id, requestId, JSON.stringify(entry), sealed, ...most)
      return reply === -1 ? null : id
    },

    async open(kept) {
      const sealed = await redis.hgetBuffer(key('quarantine', kept.quarantineId), 'body')
      return sealed && sealer.open(sealed, kept.requestId)
    },

    async list(offset, limit) {
      const ids = await redis.zrevrange(index, offset, offset + limit - 1)
      const entries = await Promise.all(ids.map(find))
      return entries.filter((entry) => entry !== null)
    },

    size: () => redis.zcard(index),

    async claimLate({ requestId, quarantineId: id }) {
      await redis.setnx(key('late', requestId), id)
      return (await redis.get(key('late', requestId))) === id
    },

    async discardBefore(instant) {
      for (const id of await redis.zrangebyscore(index, '-inf', instant)) await discard(id)
    }
  }
}
