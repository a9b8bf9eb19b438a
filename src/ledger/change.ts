import { randomUUID } from 'node:crypto'
import type { Callback, Kept } from '../core/callbacks.ts'
import { progressDueAt } from '../core/jobs.ts'
import { waitsItsTurn } from '../core/hinder.ts'
import { verdictOnLogon } from '../core/logon.ts'
import { isOpen, latestAttempt, type Request } from '../core/request.ts'
import type { Entry } from './entry.ts'
import { quarantineId } from './ids.ts'

/** What a handler made of an entry. `kept` says which of the pending bodies go to quarantine, and why. */
export interface Change {
  readonly request: Request
  readonly kept: ReadonlyMap<string, Kept>
  /** The input, sealed again, where it has changed. */
  readonly sealed?: Uint8Array | undefined
}

/** Whether accounts take turns, and for how long a refused log-on is remembered. */
export interface TurnSettings {
  readonly singleFlight: boolean
  readonly refusedMs: number
}

/** What the commit script takes, but for the tag. */
export function commitArguments(
  entry: Entry,
  { request, kept, sealed = Buffer.alloc(0) }: Change,
  settings: TurnSettings
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
      turns: settings.singleFlight,
      account: account?.id ?? '',
      waits: request.state === 'queued' || waitsItsTurn(request),
      ...logonChanges(entry, request, settings)
    }),
    sealed
  ]
}

/** The name under which it is remembered that the bank has refused a log-on; empty where there is none. */
export function credentialsOf({ account }: Request): string {
  return account?.credentials ?? account?.id ?? ''
}

function logonChanges({ request: before, refused }: Entry, after: Request, settings: TurnSettings) {
  const credentials = credentialsOf(after)
  const verdict = credentials === '' ? null : verdictOnLogon(before, after)
  const { requestId, response } = after
  const at = response?.receivedAt ?? 0
  const code = latestAttempt(after)?.refusedLogon ?? ''
  return {
    credentials,
    refusedBefore: refused === null ? '' : JSON.stringify(refused),
    refused: verdict === 'refused' ? JSON.stringify({ requestId, at, code }) : '',
    refusedMs: settings.refusedMs,
    trusted: verdict === 'trusted'
  }
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
