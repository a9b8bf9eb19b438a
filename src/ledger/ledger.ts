import type { Callback } from '../core/callbacks.ts'
import { progressDueAt } from '../core/jobs.ts'
import type { Request } from '../core/request.ts'
import type { RequestBody } from '../schemas/generated.ts'
import { type Change, commitArguments } from './change.ts'
import { type Entry, type LoadReply, toEntry } from './entry.ts'
import { referenceHash, type Store } from './store.ts'

/** What is needed to send a request to Khipu; sealed at rest, shredded when the request ends. */
export type Input = Pick<RequestBody, 'RequestData' | 'authorization'>

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
