import type { Callback } from '../core/transitions/on-callback.ts'
import type { Notification } from '../core/notification.ts'
import type { RefusedCredentials } from '../core/decide.ts'
import type { Request } from '../core/request.ts'

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
  /** Until when, at the latest, another request of the same account goes first; null where none does. */
  readonly busyUntil: number | null
  readonly refused: RefusedCredentials | null
  /** Until when, at the latest, another request tries the refused credentials; null where none does. */
  readonly probeUntil: number | null
  /** The latest attempt of which a callback was refused and kept in quarantine; null where none was. */
  readonly keptAttempt: number | null
}

/** What the load script replies. */
export type LoadReply = [
  ...[version: string, record: string, pending: string[], notifications: string[]],
  ...[epoch: string, now: number, busyUntil: string, refused: string, probeUntil: string],
  ...[keptAttempt: string]
]

/** Reads what the load script replied. */
export function toEntry(reply: LoadReply): Entry {
  const [version, record, pending, notifications, epoch, now, ...guards] = reply
  const [busyUntil, refused, probeUntil, kept] = guards
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
    now,
    busyUntil: busyUntil === '' ? null : Number(busyUntil),
    refused: refused === '' ? null : (JSON.parse(refused) as RefusedCredentials),
    probeUntil: probeUntil === '' ? null : Number(probeUntil),
    keptAttempt: kept === '' ? null : Number(kept)
  }
}

/**
 * The newest format of a request's document. A field more needs no new one: what a process does not know
 * it keeps as it is. It is raised where an older process would do harm, and then leaves the document alone.
 */
const NEWEST_FORMAT = 1

function known(request: Request): Request {
  const { format }: { format: number } = request
  if (format <= NEWEST_FORMAT) return request
  throw new Error(`document format ${format} is of a newer version of the service`)
}

/** Fields that documents of the first days lack. */
type Later = 'account' | 'authorization' | 'paced'

/** Reads a request's document; one that was written before a field existed has it as null. */
export function readRecord(record: string): Request {
  const fields: Omit<Request, Later> & Partial<Request> = JSON.parse(record)
  return { account: null, authorization: null, paced: false, ...fields }
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
