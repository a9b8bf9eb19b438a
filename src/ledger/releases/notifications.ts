import type { Notification } from '../../core/notification.ts'
import { withInstant } from '../load.ts'
import { hashOf, type Store } from '../store.ts'

/** A notification with unfinished releases, as it is stored in the ledger. */
export interface Releasing {
  readonly member: string
  readonly notification: Notification
}

/** The log of notifications. It closes the race with parking, and lets releases continue after a crash. */
export interface Notifications {
  /** Records a notification. From then on no matching request is parked for an earlier failure. */
  record(notification: Omit<Notification, 'at'>): Promise<Releasing>
  /** The notifications whose releases began before an instant and are not finished. */
  unfinished(before: number): Promise<readonly Releasing[]>
  finish(releasing: Releasing): Promise<void>
  /** True if this holder may carry out the releases. The lease lasts 30 seconds; another call extends it. */
  lease(releasing: Releasing, holder: string): Promise<boolean>
  /** Returns the lease. Another process continues the releases behind the request `reached`. */
  giveBack(releasing: Releasing, holder: string, reached: string | null): Promise<void>
  /** The id of the request behind which the releases continue; null at their start. */
  reached(releasing: Releasing): Promise<string | null>
  /**
   * The instants of `count` places in the pace of all releases, one every `spacingMs`. Each place is given out once.
   */
  takePlaces(count: number, spacingMs: number): Promise<readonly number[]>
  forgetBefore(instant: number): Promise<void>
}

const LEASE_MS = 30_000

export function createNotifications({ redis, key, scripts }: Store): Notifications {
  return {
    async record(notification) {
      const stored = JSON.stringify(notification)
      const at = await scripts.notify(stored)
      return { member: `${at}|${stored}`, notification: { ...notification, at } }
    },

    async unfinished(before) {
      const members = await redis.zrangebyscore(key('releasing'), '-inf', before)
      return members.map((member) => ({
        member,
        notification: withInstant(member, 'at') as unknown as Notification
      }))
    },

    async lease({ member }, holder) {
      const name = key('releaser', hashOf(member))
      await redis.set(name, holder, 'PX', LEASE_MS, 'NX')
      if ((await redis.get(name)) !== holder) return false
      await redis.pexpire(name, LEASE_MS)
      return true
    },

    async giveBack({ member }, holder, reached) {
      if (reached !== null) await redis.hset(key('released'), member, reached)
      const name = key('releaser', hashOf(member))
      if ((await redis.get(name)) === holder) await redis.del(name)
    },

    reached: ({ member }) => redis.hget(key('released'), member),

    async takePlaces(count, spacingMs) {
      const first = Number(await scripts.pace(count, spacingMs))
      return Array.from({ length: count }, (_, index) => Math.ceil(first + index * spacingMs))
    },

    async finish({ member }) {
      await redis.zrem(key('releasing'), member)
      await redis.hdel(key('released'), member)
    },

    async forgetBefore(instant) {
      await redis.zremrangebyscore(key('notifications'), '-inf', instant)
    }
  }
}
