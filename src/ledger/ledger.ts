import type { Callback } from '../core/transitions/on-callback.ts'
import { type NewJob, progressDueAt } from '../core/required-jobs.ts'
import { groupOf } from '../core/groups/group.ts'
import { credentialsOf, type Request } from '../core/request.ts'
import { type Change, type CommitSettings, type Committed, createCommit } from './commit.ts'
import { type Entry, toEntry } from './load.ts'
import { encryptBody, type EncryptedBody } from '../crypto/encrypt.ts'
import type { Received } from './scripts.ts'
import { createInputs, type Input, type Inputs } from './input.ts'
import { type Bodies, createBodies } from './stored-body.ts'
import { createTries, type Tries } from './publication-tries.ts'
import { receiveTogether, type ReceiveOptions } from './receive.ts'
import { namesOf } from './indexes/names.ts'
import type { Store } from './store.ts'

/** The record of every request. No other module changes one. */
export interface Ledger extends Tries, Inputs, Bodies {
  /** Writes a new request, with its job. False if its id exists already. */
  create(request: Request, input: Input, job?: NewJob): Promise<boolean>
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

    async create(request, input, job) {
      const { requestId, state, account } = request
      const due = progressDueAt(request) ?? ''
      const names = JSON.stringify(namesOf(request))
      const indexes = [account?.id ?? '', credentialsOf(request), groupOf(request), names]
      const fields = [JSON.stringify(request), state, due, ...indexes]
      const sealed = inputs.seal(requestId, input)
      const added = job === undefined ? [] : [job.id, job.data, job.options]
      return (await scripts.create(requestId, ...fields, sealed, ...added)) === 1
    },

    async has(requestId) {
      return (await redis.exists(key('request', requestId))) === 1
    },

    async load(requestId, { withInput = false } = {}) {
      const askedAt = performance.now()
      const reply = await scripts.load(requestId, settings.singleFlight ? 1 : 0, withInput ? 1 : 0)
      return reply === null ? null : toEntry(reply, askedAt)
    },

    commit: createCommit(store, settings, tries, bodies),

    receive(requestId, callback, body, options = {}) {
      const { sealed } = body instanceof Uint8Array ? encryptBody(cipher, body, requestId) : body
      return receive({ requestId, callback, sealed, ...options })
    }
  }
}
