import type { Callback } from '../core/transitions/on-callback.ts'
import { progressDueAt } from '../core/required-jobs.ts'
import { groupOf } from '../core/group.ts'
import { credentialsOf, type Request } from '../core/request.ts'
import { type Change, commitArguments, type CommitSettings, committedEntry } from './commit.ts'
import { type Entry, readRecord, toEntry } from './load.ts'
import { encryptBody, type EncryptedBody } from '../crypto/encrypt.ts'
import type { Received } from './scripts.ts'
import { createInputs, type Input, type Inputs } from './input.ts'
import { type Bodies, createBodies, type Publishing } from './stored-body.ts'
import { createTries, type Tries } from './publication-tries.ts'
import { receiveTogether, type ReceiveOptions } from './receive.ts'
import { referenceHash, type Store } from './store.ts'

/**
 * Whether a change was written; if so, the entry as it is now, and the requests that waited for the change: of the same
 * account or with the same bank credentials.
 */
export type Committed =
  | { readonly done: false }
  | {
      readonly done: true
      readonly entry: Entry
      readonly next: readonly Request[]
      /** The envelope of the result, if its publication was to begin with the commit. */
      readonly publishing?: Publishing
    }

/** The record of every request. No other module changes one. */
export interface Ledger extends Tries, Inputs, Bodies {
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
  /** Stores an envelope. The next load of the request applies it. */
  receive(
    requestId: string,
    callback: Omit<Callback, 'receivedAt'>,
    body: Uint8Array | EncryptedBody,
    options?: ReceiveOptions
  ): Promise<Received>
}

export function createLedger(store: Store, settings: CommitSettings): Ledger {
  const { redis, cipher, key, scripts } = store
  const tries = createTries(store)
  const inputs = createInputs(store)
  const bodies = createBodies(store, tries)
  const receive = receiveTogether(scripts)

  return {
    ...tries,
    ...inputs,
    ...bodies,

    async create(request, input) {
      const { requestId, state, service, reference, account } = request
      const due = progressDueAt(request) ?? ''
      const names = [account?.id ?? '', credentialsOf(request), groupOf(request)]
      const indexes = [referenceHash(reference), ...names]
      const fields = [JSON.stringify(request), state, due, service, ...indexes]
      const sealed = inputs.seal(requestId, input)
      return (await scripts.create(requestId, ...fields, sealed)) === 1
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
      const { requestId, response } = change.request
      const body = change.publishes === true && response !== null ? response.body : null
      const begins = body === null ? undefined : tries.toBegin(requestId, body)
      const askedAt = performance.now()
      const reply = await scripts.commit(...commitArguments(entry, change, settings, begins))
      if (reply[0] === 0) return { done: false }
      const [, now, records, how, sealed] = reply
      const clock = { now, askedAt, repliedAt: performance.now() }
      const done = { done: true, entry: committedEntry(entry, change, clock) } as const
      const next = records.map(readRecord)
      if (body === null || begins === undefined || how === '') return { ...done, next }
      tries.began(requestId, begins)
      const begun = how === 'begun' ? sealed : how
      return { ...done, next, publishing: bodies.stored(requestId, body, begun) }
    },

    receive(requestId, callback, body, options = {}) {
      const { sealed } = body instanceof Uint8Array ? encryptBody(cipher, body, requestId) : body
      return receive({ requestId, callback, sealed, ...options })
    }
  }
}
