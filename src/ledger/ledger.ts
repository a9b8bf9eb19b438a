import { createHash, randomUUID } from 'node:crypto'
import type { Callback, Kept } from '../core/callbacks.ts'
import { progressDueAt } from '../core/jobs.ts'
import type { Notification } from '../core/notification.ts'
import { isOpen, latestAttempt, type Request } from '../core/request.ts'
import type { RequestBody } from '../schemas/generated.ts'
import { referenceHash, type Store } from './store.ts'

/** What is needed to send a request to Khipu; sealed at rest, shredded when the request ends. */
export type Input = Pick<RequestBody, 'RequestData' | 'authorization'>

/** A request as it was at one instant, with all that a decision about it needs. */
export interface Entry {
  readonly request: Request
  readonly version: string
  /** Callbacks that were received and not acted on. */
  readonly pending: readonly Callback[]
  readonly notifications: readonly Notification[]
  readonly epoch: string
  /** Redis's clock at that instant. */
  readonly now: number
}

/** What a handler made of an entry. `kept` says which of the pending bodies go to quarantine, and why. */
export interface Change {
  readonly request: Request
  readonly kept: ReadonlyMap<string, Kept>
}

/** What became of a received envelope. `full`: too many different ones for one request. */
export type Received = 'accepted' | 'late' | 'duplicate' | 'full' | 'unknown'

/** The record of every request; the only place that changes one. */
export interface Ledger {
  /** Writes a new request; false where its id is taken. */
  create(request: Request, input: Input): Promise<boolean>
  has(requestId: string): Promise<boolean>
  load(requestId: string): Promise<Entry | null>
  /** Compare-and-set on the version: false where the entry is no longer what it was. */
  commit(entry: Entry, change: Change): Promise<boolean>
  /** Stores an envelope, to be acted on by whoever loads the request next. */
  receive(
    requestId: string,
    callback: Omit<Callback, 'receivedAt'>,
    body: Uint8Array
  ): Promise<Received>
  /** What to send; null once the request has ended. */
  openInput(requestId: string): Promise<Input | null>
  /** The bytes of a received envelope; null once they were shredded. */
  openBody(requestId: string, callbackId: string): Promise<Buffer | null>
}

/** Bounds what one capability can fill: different bodies per request. */
const MOST_CALLBACKS = 100

/** The id of a callback: the same bytes on the same attempt's capability are the same callback. */
export function callbackId(attempt: number, body: Uint8Array): string {
  return `${attempt}.${createHash('sha256').update(body).digest('hex')}`
}

export function createLedger(store: Store): Ledger {
  const { redis, sealer, key, run } = store
  return {
    async create(request, input) {
      const { requestId, state, service, reference } = request
      const sealed = sealer.seal(Buffer.from(JSON.stringify(input)), requestId)
      const due = progressDueAt(request) ?? ''
      const fields = [JSON.stringify(request), state, due, service, referenceHash(reference)]
      return (await run('create', requestId, ...fields, sealed)) === 1
    },

    async has(requestId) {
      return (await redis.exists(key('request', requestId))) === 1
    },

    async load(requestId) {
      const reply = await run('load', requestId)
      return reply === null ? null : toEntry(reply as LoadReply)
    },

    async commit(entry, change) {
      return (await run('commit', ...commitArguments(entry, change))) === 1
    },

    async receive(requestId, callback, body) {
      const sealed = sealer.seal(body, requestId)
      const { id } = callback
      const stored = JSON.stringify(callback)
      return (await run('receive', requestId, id, stored, sealed, MOST_CALLBACKS)) as Received
    },

    async openInput(requestId) {
      const sealed = await redis.hgetBuffer(key('request', requestId), 'sealed')
      return sealed && (JSON.parse(sealer.open(sealed, requestId).toString()) as Input)
    },

    async openBody(requestId, id) {
      const sealed = await redis.hgetBuffer(key('bodies', requestId), id)
      return sealed && sealer.open(sealed, requestId)
    }
  }
}

type LoadReply = [string, string, string[], string[], string, number]

function toEntry([version, record, pending, notifications, epoch, now]: LoadReply): Entry {
  return {
    request: JSON.parse(record) as Request,
    version,
    pending: pending
      .filter((_, index) => index % 2 === 1)
      .map(readCallback)
      .toSorted(byOrder),
    notifications: notifications.map(
      (stored) => withInstant(stored, 'at') as unknown as Notification
    ),
    epoch,
    now
  }
}

type Stored = Callback & { readonly order: number }

/** Reads `<receivedAt>|<order>|<JSON>`: two that come within one ms still came one after the other. */
function readCallback(stored: string): Stored {
  const [, receivedAt, order, json = ''] = /^(\d+)\|(\d+)\|(.*)$/s.exec(stored) ?? []
  const callback = JSON.parse(json) as Omit<Callback, 'receivedAt'>
  return { ...callback, receivedAt: Number(receivedAt), order: Number(order) }
}

function byOrder(a: Stored, b: Stored): number {
  return a.order - b.order
}

/** Reads `<instant>|<JSON>`, as the scripts store what they stamp with Redis's clock. */
export function withInstant(stored: string, field: string): Record<string, unknown> {
  const bar = stored.indexOf('|')
  const value = JSON.parse(stored.slice(bar + 1)) as Record<string, unknown>
  return { ...value, [field]: Number(stored.slice(0, bar)) }
}

function commitArguments(entry: Entry, { request, kept }: Change) {
  const { requestId } = request
  const consumed = entry.pending.map(({ id }) => id)
  const ended = isOpen(request) ? '' : (request.endedAt ?? '')
  const keep = entry.pending.flatMap((callback) => {
    const kind = kept.get(callback.id)
    return kind === undefined ? [] : [keptEntry(requestId, callback, kind)]
  })
  return [
    requestId,
    entry.version,
    entry.epoch,
    randomUUID(),
    JSON.stringify(request),
    request.state,
    progressDueAt(request) ?? '',
    latestAttempt(request)?.sendingAt ?? '',
    ended,
    JSON.stringify({ consumed, keep, shred: shredded(entry, request, consumed) })
  ]
}

// A body lives until it was acted on, the one that the result needs until the result is published.
function shredded(entry: Entry, request: Request, consumed: readonly string[]): string[] {
  const before = entry.request.response?.body
  const needed = request.publishedAt === null ? request.response?.body : undefined
  const all = new Set(before === undefined ? consumed : [before, ...consumed])
  return [...all].filter((id) => id !== needed)
}

function keptEntry(requestId: string, callback: Callback, kind: Kept) {
  const sha256 = callback.id.slice(callback.id.indexOf('.') + 1)
  const { attempt, receivedAt, size } = callback
  const entry = JSON.stringify({ kind, requestId, attempt, sha256, size, faults: [] })
  const id = quarantineId(requestId, callback.id)
  return { callbackId: callback.id, quarantineId: id, receivedAt, entry }
}

/** The id under which a body is kept: the same bytes on the same capability are one entry. */
export function quarantineId(requestId: string, id: string): string {
  return createHash('sha256').update(`${requestId}/${id}`).digest('hex').slice(0, 32)
}
