import { randomUUID } from 'node:crypto'
import type { Callback, QuarantineCause } from '../core/transitions/on-callback.ts'
import { groupOf } from '../core/groups/group.ts'
import { progressDueAt } from '../core/required-jobs.ts'
import { waitsForAccount } from '../core/can-send.ts'
import { verdictOnCredentials } from '../core/bank-credentials.ts'
import { waitsForProbe } from '../core/probe.ts'
import { isOnItsWay, isOpen, latestAttempt, credentialsOf, type Request } from '../core/request.ts'
import type { ClockReading } from '../redis/clock-reading.ts'
import { newNames } from './indexes/names.ts'
import { type Entry, readRecord } from './load.ts'
import type { createTries, TryToBegin } from './publication-tries.ts'
import type { createBodies, Publishing } from './stored-body.ts'
import type { Store } from './store.ts'
import { quarantineId } from '../crypto/callback-id.ts'

/** A handler's change of an entry. `kept` names the pending bodies that go to quarantine, with the reason. */
export interface Change {
  readonly request: Request
  readonly kept: ReadonlyMap<string, QuarantineCause>
  /** The input, encrypted again, if it has changed. */
  readonly sealed?: Uint8Array | undefined
  /** Whether the publication of its result begins at once, if it has one with an envelope. */
  readonly publishes?: boolean
}

/** The settings that a commit needs. */
export interface CommitSettings {
  /** Whether requests of the same account are sent one at a time. */
  readonly singleFlight: boolean
  /** How long rejected bank credentials are remembered. */
  readonly refusedMs: number
  /** The share of the quarantine that one request may fill. */
  readonly share: { readonly entries: number; readonly bytes: number }
}

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

/** Makes the compare-and-set of the ledger. */
export function createCommit(
  { scripts }: Pick<Store, 'scripts'>,
  settings: CommitSettings,
  tries: Pick<ReturnType<typeof createTries>, 'toBegin' | 'began'>,
  bodies: Pick<ReturnType<typeof createBodies>, 'stored'>
): (entry: Entry, change: Change) => Promise<Committed> {
  return async (entry, asked) => {
    const change = { ...asked, request: withStateSince(entry, asked.request) }
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
    if (begins === undefined || how === '') return { ...done, next }
    tries.began(requestId, begins)
    const begun = how === 'begun' ? sealed : how
    return { ...done, next, publishing: bodies.stored(requestId, begins.callbackId, begun) }
  }
}

function withStateSince({ request: before, clock }: Entry, after: Request): Request {
  return after.state === before.state ? after : { ...after, stateSince: clock.now }
}

/** The arguments of the commit script, without the hash tag. */
export function commitArguments(
  entry: Entry,
  { request, kept, sealed = Buffer.alloc(0) }: Change,
  settings: CommitSettings,
  begins?: TryToBegin
) {
  const { requestId, account } = request
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
    JSON.stringify({
      consumed,
      keep,
      shred: deletable(entry, request, consumed),
      share: settings.share,
      from: groupOf(entry.request),
      to: groupOf(request),
      names: newNames(entry.request, request),
      turns: settings.singleFlight,
      account: account?.id ?? '',
      waits: (request.state === 'queued' && !waitsForProbe(request)) || waitsForAccount(request),
      refusedMs: settings.refusedMs,
      try: begins,
      ...logonChanges(entry, request)
    }),
    sealed
  ]
}

/** The entry after its commit, as a load without the input would find it. */
function committedEntry(entry: Entry, { request }: Change, clock: ClockReading): Entry {
  const version = String(Number(entry.version) + 1)
  return { ...entry, request, version, pending: [], clock, sealedInput: null }
}

function logonChanges({ request: before, refused, pending }: Entry, after: Request) {
  const verdict = verdictOnCredentials(before, after, pending, refused)
  const latest = latestAttempt(after)
  return {
    logon: credentialsOf(after),
    triedWith: latest?.logon ?? '',
    isProbe: isOnItsWay(after) && latest?.isProbe === true,
    waitsForProbe: waitsForProbe(after),
    refusedBefore: refused === null ? '' : JSON.stringify(refused),
    verdict: verdict?.type ?? '',
    judged: verdict?.logon ?? '',
    refused: verdict === null || verdict.type === 'trusted' ? '' : JSON.stringify(verdict.refused)
  }
}

// A body is stored until it is applied. The body of the result is stored until the result is published.
function deletable(entry: Entry, request: Request, consumed: readonly string[]): string[] {
  const before = entry.request.response?.body
  const needed = request.publishedAt === null ? request.response?.body : undefined
  const all = new Set(before === undefined ? consumed : [before, ...consumed])
  return [...all].filter((id) => id !== needed)
}

function keptEntry(requestId: string, callback: Callback, kind: QuarantineCause) {
  const sha256 = callback.id.slice(callback.id.indexOf('.') + 1)
  const { attempt, receivedAt, size } = callback
  const entry = JSON.stringify({ kind, requestId, attempt, sha256, size, faults: [] })
  const id = quarantineId(requestId, callback.id)
  return { callbackId: callback.id, quarantineId: id, receivedAt, entry }
}
