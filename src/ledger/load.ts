import type { Callback } from '../core/transitions/on-callback.ts'
import type { Notification } from '../core/notification.ts'
import type { RefusedCredentials } from '../core/decide.ts'
import type { Request } from '../core/request.ts'
import type { ClockReading } from '../redis/clock-reading.ts'

/** A request at one instant, with all inputs of a decision about it. */
export interface Entry {
  readonly request: Request
  readonly version: string
  /** Callbacks that were received and not yet applied. */
  readonly pending: readonly Callback[]
  readonly notifications: readonly Notification[]
  readonly epoch: string
  /** Redis's clock at that instant. */
  readonly clock: ClockReading
  /** The latest instant at which another request of the same account still goes first; null if none does. */
  readonly busyUntil: number | null
  readonly refused: RefusedCredentials | null
  /** The latest instant at which another request still tries the rejected bank credentials; null if none does. */
  readonly probeUntil: number | null
  /** The latest attempt with a rejected callback in quarantine; null if there is none. */
  readonly keptAttempt: number | null
  /** The encrypted input; null if it was not asked for, or the request has ended. */
  readonly sealedInput: Uint8Array | null
}

/** The reply of the load script. */
export type LoadReply = [
  ...[version: string, record: string, pending: string[], notifications: string[]],
  ...[epoch: string, now: number, busyUntil: string, refused: string, probeUntil: string],
  ...[keptAttempt: string, sealedInput: Buffer | null]
]

/** Reads the reply of the load script, which was asked at that instant of `performance.now()`. */
export function toEntry(reply: LoadReply, askedAt: number): Entry {
  const [version, record, pending, notifications, epoch, now, ...guards] = reply
  const [busyUntil, refused, probeUntil, kept, sealedInput] = guards
  return {
    request: known(readRecord(record)),
    version,
    pending: pending
      .filter((_, index) => index % 2 === 1)
      .map(readCallback)
      .toSorted(byOrder),
    notifications: notifications.map(
      (stored) => withInstant(stored, 'at') as unknown as Notification
    ),
    epoch,
    clock: { now, askedAt, repliedAt: performance.now() },
    busyUntil: busyUntil === '' ? null : Number(busyUntil),
    refused: refused === '' ? null : (JSON.parse(refused) as RefusedCredentials),
    probeUntil: probeUntil === '' ? null : Number(probeUntil),
    keptAttempt: kept === '' ? null : Number(kept),
    sealedInput
  }
}

/**
 * The newest format of a request's document. An additional field needs no new format: a process keeps fields that it
 * does not know. The format is raised if an older process would do harm. That process then leaves the document
 * unchanged.
 */
const NEWEST_FORMAT = 1

function known(request: Request): Request {
  const { format }: { format: number } = request
  if (format <= NEWEST_FORMAT) return request
  throw new Error(`document format ${format} is of a newer version of the service`)
}

/** Fields that the oldest documents lack. */
type Later = 'account' | 'authorization' | 'paced'

/** Reads a request's document. A field that did not exist when it was written is null. */
export function readRecord(record: string): Request {
  const fields: Omit<Request, Later> & Partial<Request> = JSON.parse(record)
  return { account: null, authorization: null, paced: false, ...fields }
}

type Stored = Callback & { readonly order: number }

/**
 * Reads `<receivedAt>|<order>|<JSON>`. The order is the version before the callback. It distinguishes callbacks that
 * arrived in the same millisecond.
 */
function readCallback(stored: string): Stored {
  const [, receivedAt, order, json = ''] = /^(\d+)\|(\d+)\|(.*)$/s.exec(stored) ?? []
  const callback = JSON.parse(json) as Omit<Callback, 'receivedAt'>
  return { ...callback, receivedAt: Number(receivedAt), order: Number(order) }
}

function byOrder(a: Stored, b: Stored): number {
  return a.order - b.order
}

/** Reads `<instant>|<JSON>`, the format in which the scripts store an instant of Redis's clock. */
export function withInstant(stored: string, field: string): Record<string, unknown> {
  const bar = stored.indexOf('|')
  const value = JSON.parse(stored.slice(bar + 1)) as Record<string, unknown>
  return { ...value, [field]: Number(stored.slice(0, bar)) }
}
