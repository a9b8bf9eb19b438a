import { randomUUID } from 'node:crypto'
import type { Lane } from '../core/lane.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import type { Store } from './store.ts'

/** Why a publication does not begin in the lane where it was asked for. */
export type NotHere = 'set-aside' | Exclude<Lane, 'small'>

/**
 * The tries to publish a result, counted before the work. Otherwise a body that ends its process would do so for ever.
 * A try that fails for another reason, such as an unreachable Redis, is not counted.
 */
export interface Tries {
  /**
   * The encrypted body of the result; null once it was deleted. `set-aside`: the result must not be published. Another
   * lane: it must be published there, and no try has begun.
   */
  beginTry(requestId: string, callbackId: string, lane: Lane): Promise<Uint8Array | NotHere | null>
  endTry(requestId: string, how: 'done' | 'failed' | 'took-down'): Promise<void>
  isSetAside(requestId: string): Promise<boolean>
  /** Publishes a result that was set aside after all. False if it was not set aside. */
  takeUp(requestId: string): Promise<boolean>
}

/** How many tries may begin without an end. */
const MOST_TRIES = 3

export function createTries({ redis, key, scripts }: Store): Tries {
  /** The tries of this process. A try whose removal failed is continued under its name. */
  const names = new Map<string, string>()
  return {
    async beginTry(requestId, callbackId, lane) {
      const name = names.get(requestId) ?? randomUUID()
      names.set(requestId, name)
      const bounds = [MOST_TRIES, callbackId, lane, LARGE_BYTES] as const
      const [how, body] = await scripts.beginTry(requestId, name, ...bounds)
      return how === 'begun' ? body : how
    },

    async endTry(requestId, how) {
      const name = names.get(requestId)
      if (name === undefined) return
      if (how === 'failed') await redis.srem(key('tries', requestId), name)
      names.delete(requestId)
    },

    isSetAside: async (requestId) => (await redis.zscore(key('aside'), requestId)) !== null,
    takeUp: async (requestId) => (await scripts.takeUp(requestId)) === 1
  }
}
