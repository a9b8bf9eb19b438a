import { randomUUID } from 'node:crypto'
import type { Callback, QuarantineCause } from '../core/transitions/on-callback.ts'
import { progressDueAt } from '../core/required-jobs.ts'
import { waitsForAccount } from '../core/can-send.ts'
import { verdictOnCredentials } from '../core/bank-credentials.ts'
import { waitsForProbe } from '../core/probe.ts'
import { isOnItsWay, isOpen, latestAttempt, credentialsOf, type Request } from '../core/request.ts'
import type { Entry } from './load.ts'
import { quarantineId } from '../crypto/callback-id.ts'

/** What a handler made of an entry. `kept` says which of the pending bodies go to quarantine, and why. */
export interface Change {
  readonly request: Request
  readonly kept: ReadonlyMap<string, QuarantineCause>
  /** The input, sealed again, where it has changed. */
  readonly sealed?: Uint8Array | undefined
}

/** What a commit is bounded by. */
export interface CommitSettings {
  /** Whether accounts take turns. */
  readonly singleFlight: boolean
  /** For how long a refused log-on is remembered. */
  readonly refusedMs: number
  /** What one request may fill of the quarantine. */
  readonly share: { readonly entries: number; readonly bytes: number }
}

/** What the commit script takes, but for the tag. */
export function commitArguments(
  entry: Entry,
  { request, kept, sealed = Buffer.alloc(0) }: Change,
  settings: CommitSettings
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
      shred: shredded(entry, request, consumed),
      share: settings.share,
      turns: settings.singleFlight,
      account: account?.id ?? '',
      waits: (request.state === 'queued' && !waitsForProbe(request)) || waitsForAccount(request),
      refusedMs: settings.refusedMs,
      ...logonChanges(entry, request)
    }),
    sealed
  ]
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

// A body lives until it was acted on, the one that the result needs until the result is published.
function shredded(entry: Entry, request: Request, consumed: readonly string[]): string[] {
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
