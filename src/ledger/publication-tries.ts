import { randomUUID } from 'node:crypto'
import type { Lane, NotHere } from '../core/result-head.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import type { Store } from './store.ts'

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

/** What a commit needs to begin a try in the lane `small`. */
export interface TryToBegin {
  readonly name: string
  readonly callbackId: string
  readonly most: number
  readonly mostBytes: number
}

/** How many tries may begin without an end. */
const MOST_TRIES = 3

export function createTries({ redis, key, scripts }: Store): Tries & {
  toBegin(requestId: string, callbackId: string): TryToBegin
  /** That try has begun. */
  began(requestId: string, begun: TryToBegin): void
} {
  /** The tries of this process. A try whose removal failed is continued under its name. */
  const names = new Map<string, string>()
  const toBegin = (requestId: string, callbackId: string): TryToBegin => ({
    name: names.get(requestId) ?? randomUUID(),
    callbackId,
    most: MOST_TRIES,
    mostBytes: LARGE_BYTES
  })
  return {
    toBegin,
    began: (requestId, { name }) => void names.set(requestId, name),

    async beginTry(requestId, callbackId, lane) {
      const { name, most, mostBytes } = toBegin(requestId, callbackId)
      names.set(requestId, name)
      const [how, body] = await scripts.beginTry(requestId, name, callbackId, lane, most, mostBytes)
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
