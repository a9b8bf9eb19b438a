import type { Callback } from '../core/callbacks.ts'
import type { Notification } from '../core/notification.ts'
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
}

/** What the load script replies. */
export type LoadReply = [string, string, string[], string[], string, number]

/** Reads what the load script replied. */
export function toEntry([version, record, pending, notifications, epoch, now]: LoadReply): Entry {
  return {
    request: JSON.parse(record) as Request,
    version,
    pending: pending
      .filter((_, index) => index % 2 === 1)
      .map(readCallback)
      .toSorted(byOrder),
    notifications: notifications.map(
      (stored) => withInstant(stored, 'at') as unknown as Notification
    ),
    epoch,
    now
  }
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
