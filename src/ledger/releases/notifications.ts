import type { Notification } from '../../core/notification.ts'
import { newLane } from '../../core/operations/operation.ts'
import { operationOfNotification } from '../../core/operations/of-notification.ts'
import { KEPT_MS } from '../operations/operations.ts'
import { withInstant } from '../load.ts'
import { hashOf, type Store } from '../store.ts'

/** A notification as it is stored in the ledger. */
export interface Releasing {
  readonly member: string
  readonly notification: Notification
}

/** The log of notifications, which closes the race with parking, and the pace of all releases. */
export interface Notifications {
  /**
   * Records a notification. From then on no matching request is parked for an earlier failure. Its release is
   * unfinished until it has an operation.
   */
  record(notification: Omit<Notification, 'at'>): Promise<Releasing>
  /** Its release has an operation, of whatever part of the ledger. */
  begun(releasing: Releasing): Promise<void>
  /** Releases recorded before an instant that have no operation: their process died, or is of version 0.1. */
  unfinished(before: number): Promise<readonly Releasing[]>
  /** Makes an operation of an unfinished release. False while a process is at work on it. */
  adopt(releasing: Releasing): Promise<boolean>
  /**
   * The instants of places in the pace of all releases, one every `spacingMs`: at most `count`, and only those within
   * the next `aheadMs`. Each place is given out once.
   */
  takePlaces(count: number, spacingMs: number, aheadMs: number): Promise<readonly number[]>
  forgetBefore(instant: number): Promise<void>
}

/** Makes an id for an operation of this part of the ledger. */
type NewOperationId = () => string

export function createNotifications(
  { redis, key, scripts }: Store,
  part: number,
  newId: NewOperationId
): Notifications {
  return {
    async record(notification) {
      const stored = JSON.stringify(notification)
      const at = await scripts.notify(stored)
      return { member: `${at}|${stored}`, notification: { ...notification, at } }
    },

    async begun({ member }) {
      await redis.zrem(key('releasing'), member)
    },

    async unfinished(before) {
      const members = await redis.zrangebyscore(key('releasing'), '-inf', before)
      return members.map((member) => ({
        member,
        notification: withInstant(member, 'at') as unknown as Notification
      }))
    },

    async adopt({ member, notification }) {
      const behind = await redis.hget(key('released'), member)
      const lane = { ...newLane({ bank: null, part, at: notification.at, matched: 0 }), behind }
      const operation = operationOfNotification(newId(), notification, [lane])
      const record = JSON.stringify(operation)
      const lease = hashOf(member)
      return (await scripts.adoptRelease(member, lease, operation.id, record, KEPT_MS)) === 1
    },

    async takePlaces(count, spacingMs, aheadMs) {
      const [first, given] = await scripts.pace(count, spacingMs, aheadMs)
      return Array.from({ length: given }, (_, index) =>
        Math.ceil(Number(first) + index * spacingMs)
      )
    },

    async forgetBefore(instant) {
      await redis.zremrangebyscore(key('notifications'), '-inf', instant)
    }
  }
}
