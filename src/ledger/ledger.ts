import type { Callback } from '../core/transitions/on-callback.ts'
import { progressDueAt } from '../core/required-jobs.ts'
import { credentialsOf, type Request } from '../core/request.ts'
import type { RequestBody } from '../schemas/generated.ts'
import { parseJsonExactly } from '../schemas/json.ts'
import { isCallback } from '../crypto/callback-id.ts'
import { type Change, commitArguments, type CommitSettings } from './commit.ts'
import { type Entry, readRecord, toEntry } from './load.ts'
import { encryptBody, type EncryptedBody, type Cipher } from '../crypto/encrypt.ts'
import type { Received } from './scripts.ts'
import { createTries, type Tries } from './publication-tries.ts'
import { referenceHash, type Store } from './store.ts'

/** What is needed to send a request to Khipu; sealed at rest, shredded when the request ends. */
export type Input = Pick<RequestBody, 'RequestData' | 'authorization'>
export type Authorization = NonNullable<Input['authorization']>

/** Whether a change was written, and which requests waited for it: of the same account, or with the same credentials. */
export interface Committed {
  readonly done: boolean
  readonly next: readonly Request[]
}

/** A received envelope as it is kept: sealed. */
export interface StoredBody {
  readonly requestId: string
  readonly callbackId: string
  readonly sealed: Uint8Array
  /** Its bytes; throws where they are not what they were, or can't be opened. */
  open(): Buffer
}

/** The record of every request; the only place that changes one. */
export interface Ledger extends Tries {
  /** Writes a new request; false where its id is taken. */
  create(request: Request, input: Input): Promise<boolean>
  has(requestId: string): Promise<boolean>
  load(requestId: string): Promise<Entry | null>
  /** Compare-and-set on the version: not done where the entry, or whose turn it is, is no longer what it was. */
  commit(entry: Entry, change: Change): Promise<Committed>
  /**
   * Stores an envelope, to be acted on by whoever loads the request next. One that was answered 2xx
   * `takenMsAgo` counts from then, though not from before its attempt, and no bound refuses it any more.
   */
  receive(
    requestId: string,
    callback: Omit<Callback, 'receivedAt'>,
    body: Uint8Array | EncryptedBody,
    takenMsAgo?: number
  ): Promise<Received>
  /** The input as it is kept: sealed. */
  seal(requestId: string, input: Input): Uint8Array
  /** What to send, its numbers with the digits that came in; null once the request has ended. */
  openInput(requestId: string): Promise<Input | null>
  /** A received envelope as it is kept; null once it was shredded. */
  storedBody(requestId: string, callbackId: string): Promise<StoredBody | null>
  /** The bytes of a received envelope; null once they were shredded. */
  openBody(requestId: string, callbackId: string): Promise<Buffer | null>
}

/** Bounds what one capability can fill: different results per request, and as many errors. */
export const MOST_CALLBACKS = 100

/** Sealed bytes of unread bodies of one request beside which no further error is taken. */
export const MOST_UNREAD_BYTES = 64 * 1024 * 1024

export function createLedger(store: Store, settings: CommitSettings): Ledger {
  const { redis, sealer, key, scripts } = store
  const seal = (requestId: string, input: Input) =>
    sealer.encrypt(Buffer.from(JSON.stringify(input)), requestId)
  const storedBody: Ledger['storedBody'] = (requestId, id) => readStored(store, requestId, id)

  return {
    ...createTries(store),
    seal,

    async create(request, input) {
      const { requestId, state, service, reference, account } = request
      const due = progressDueAt(request) ?? ''
      const indexes = [referenceHash(reference), account?.id ?? '', credentialsOf(request)]
      const fields = [JSON.stringify(request), state, due, service, ...indexes]
      return (await scripts.create(requestId, ...fields, seal(requestId, input))) === 1
    },

    async has(requestId) {
      return (await redis.exists(key('request', requestId))) === 1
    },

    async load(requestId) {
      const reply = await scripts.load(requestId, settings.singleFlight ? 1 : 0)
      return reply === null ? null : toEntry(reply)
    },

    async commit(entry, change) {
      const reply = await scripts.commit(...commitArguments(entry, change, settings))
      const [done, ...next] = reply
      return { done: done === 1, next: next.map(readRecord) }
    },

    async receive(requestId, callback, body, takenMsAgo) {
      const { sealed } = body instanceof Uint8Array ? encryptBody(sealer, body, requestId) : body
      const bounds = [callback.outcome.type, MOST_CALLBACKS, MOST_UNREAD_BYTES] as const
      const taken = takenMsAgo === undefined ? ([] as const) : ([takenMsAgo] as const)
      const { id } = callback
      return scripts.receive(requestId, id, JSON.stringify(callback), sealed, ...bounds, ...taken)
    },

    async openInput(requestId) {
      const sealed = await redis.hgetBuffer(key('request', requestId), 'sealed')
      return sealed && (parseJsonExactly(sealer.decrypt(sealed, requestId)) as Input)
    },

    storedBody,
    openBody: async (requestId, id) => (await storedBody(requestId, id))?.open() ?? null
  }
}

async function readStored(
  { redis, sealer, key }: Store,
  requestId: string,
  callbackId: string
): Promise<StoredBody | null> {
  const sealed = await redis.hgetBuffer(key('bodies', requestId), callbackId)
  if (sealed === null) return null
  const stored = { requestId, callbackId, sealed }
  return { ...stored, open: () => openStored(sealer, stored) }
}

/** The bytes of a received envelope, out of those that are kept. */
export function openStored(
  sealer: Pick<Cipher, 'decrypt'>,
  { requestId, callbackId, sealed }: Omit<StoredBody, 'open'>
): Buffer {
  const body = sealer.decrypt(sealed, requestId)
  // Whoever may write to Redis could put another of the request's sealed values there.
  if (!isCallback(callbackId, body)) throw new Error(`body ${callbackId} is not what it was`)
  return body
}
