import type { Callback } from '../core/transitions/on-callback.ts'
import { progressDueAt } from '../core/required-jobs.ts'
import { credentialsOf, type Request } from '../core/request.ts'
import type { RequestBody } from '../schemas/generated.ts'
import { parseJsonExactly } from '../schemas/json.ts'
import { isCallback } from '../crypto/callback-id.ts'
import { type Change, commitArguments, type CommitSettings, committedEntry } from './commit.ts'
import { type Entry, readRecord, toEntry } from './load.ts'
import { encryptBody, type EncryptedBody, type Cipher } from '../crypto/encrypt.ts'
import type { Received } from './scripts.ts'
import { createTries, type Tries } from './publication-tries.ts'
import { referenceHash, type Store } from './store.ts'

/** The data that a POST to Khipu needs. It is encrypted at rest and deleted when the request ends. */
export type Input = Pick<RequestBody, 'RequestData' | 'authorization'>
export type Authorization = NonNullable<Input['authorization']>

/**
 * Whether a change was written; if so, the entry as it is now, and the requests that waited for the change: of the same
 * account or with the same bank credentials.
 */
export type Committed =
  | { readonly done: false }
  | { readonly done: true; readonly entry: Entry; readonly next: readonly Request[] }

/** A received envelope as it is stored: encrypted. */
export interface StoredBody {
  readonly requestId: string
  readonly callbackId: string
  readonly sealed: Uint8Array
  /** Decrypts the bytes. Throws if they differ from the received ones, or cannot be decrypted. */
  open(): Buffer
}

/** The record of every request. No other module changes one. */
export interface Ledger extends Tries {
  /** Writes a new request. False if its id exists already. */
  create(request: Request, input: Input): Promise<boolean>
  has(requestId: string): Promise<boolean>
  /** `withInput`: with its encrypted input. */
  load(requestId: string, options?: { readonly withInput?: boolean }): Promise<Entry | null>
  /**
   * Compare-and-set on the version. Not done if the entry has changed, or another request of the account now goes
   * first.
   */
  commit(entry: Entry, change: Change): Promise<Committed>
  /**
   * Stores an envelope. The next load of the request applies it. An envelope that was answered with 2xx `takenMsAgo`
   * gets that earlier instant, but none before the start of its attempt. No limit rejects such an envelope.
   */
  receive(
    requestId: string,
    callback: Omit<Callback, 'receivedAt'>,
    body: Uint8Array | EncryptedBody,
    takenMsAgo?: number
  ): Promise<Received>
  /** The input as it is stored: encrypted. */
  seal(requestId: string, input: Input): Uint8Array
  /** The decrypted input, whose numbers keep their original digits; null once the request has ended. */
  openInput(requestId: string): Promise<Input | null>
  /** The same, of an entry that was loaded with it. */
  inputOf(entry: Entry): Input | null
  /** A received envelope as it is stored, once its publication has begun as one try; null once it was deleted. */
  beginPublication(requestId: string, callbackId: string): Promise<StoredBody | 'set-aside' | null>
  /** The bytes of a received envelope; null once they were deleted. */
  openBody(requestId: string, callbackId: string): Promise<Buffer | null>
}

/** The most different results of one request that are stored, and the most errors. It limits one callback token. */
export const MOST_CALLBACKS = 100

/** Encrypted bytes of unread bodies of one request, beyond which no further error is stored. */
export const MOST_UNREAD_BYTES = 64 * 1024 * 1024

export function createLedger(store: Store, settings: CommitSettings): Ledger {
  const { redis, cipher, key, scripts } = store
  const seal = (requestId: string, input: Input) =>
    cipher.encrypt(Buffer.from(JSON.stringify(input)), requestId)
  const tries = createTries(store)
  const decryptInput = (requestId: string, sealed: Uint8Array | null) =>
    sealed && (parseJsonExactly(cipher.decrypt(sealed, requestId)) as Input)
  const stored = (requestId: string, callbackId: string, sealed: Uint8Array): StoredBody => ({
    requestId,
    callbackId,
    sealed,
    open: () => openStored(cipher, { requestId, callbackId, sealed })
  })

  return {
    ...tries,
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

    async load(requestId, { withInput = false } = {}) {
      const askedAt = performance.now()
      const reply = await scripts.load(requestId, settings.singleFlight ? 1 : 0, withInput ? 1 : 0)
      return reply === null ? null : toEntry(reply, askedAt)
    },

    async commit(entry, change) {
      const askedAt = performance.now()
      const reply = await scripts.commit(...commitArguments(entry, change, settings))
      if (reply[0] === 0) return { done: false }
      const [, now, ...next] = reply
      return {
        done: true,
        entry: committedEntry(entry, change, { now, askedAt, repliedAt: performance.now() }),
        next: next.map(readRecord)
      }
    },

    async receive(requestId, callback, body, takenMsAgo) {
      const { sealed } = body instanceof Uint8Array ? encryptBody(cipher, body, requestId) : body
      const bounds = [callback.outcome.type, MOST_CALLBACKS, MOST_UNREAD_BYTES] as const
      const taken = takenMsAgo === undefined ? ([] as const) : ([takenMsAgo] as const)
      const { id } = callback
      return scripts.receive(requestId, id, JSON.stringify(callback), sealed, ...bounds, ...taken)
    },

    async openInput(requestId) {
      const sealed = await redis.hgetBuffer(key('request', requestId), 'sealed')
      return decryptInput(requestId, sealed)
    },

    inputOf: ({ request, sealedInput }) => decryptInput(request.requestId, sealedInput),

    async beginPublication(requestId, callbackId) {
      const body = await tries.beginTry(requestId, callbackId)
      return body instanceof Uint8Array ? stored(requestId, callbackId, body) : body
    },

    async openBody(requestId, callbackId) {
      const body = await redis.hgetBuffer(key('bodies', requestId), callbackId)
      return body && stored(requestId, callbackId, body).open()
    }
  }
}

/** The bytes of a received envelope, decrypted from the stored ones. */
export function openStored(
  cipher: Pick<Cipher, 'decrypt'>,
  { requestId, callbackId, sealed }: Omit<StoredBody, 'open'>
): Buffer {
  const body = cipher.decrypt(sealed, requestId)
  // A writer to Redis could replace the body by another encrypted value of the same request.
  if (!isCallback(callbackId, body)) throw new Error(`body ${callbackId} is not what it was`)
  return body
}
