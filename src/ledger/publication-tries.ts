import { randomUUID } from 'node:crypto'
import type { Store } from './store.ts'

/**
 * The tries to publish a result, counted before the work: a body that takes its process down would do so for ever.
 * One that fails for another reason, a Redis that is away say, is not counted.
 */
export interface Tries {
  /** False where the result is set aside, and is not to be published. */
  beginTry(requestId: string): Promise<boolean>
  endTry(requestId: string, how: 'done' | 'failed' | 'took-down'): Promise<void>
  isSetAside(requestId: string): Promise<boolean>
  /** Has a result that was set aside published after all; false where it was not. */
  takeUp(requestId: string): Promise<boolean>
}

/** How many tries may never come to an end. */
const MOST_TRIES = 3

export function createTries({ redis, key, scripts }: Store): Tries {
  /** The tries of this process. It goes on with one under its name where it could not take it back. */
  const names = new Map<string, string>()
  return {
    async beginTry(requestId) {
      const name = names.get(requestId) ?? randomUUID()
      names.set(requestId, name)
      return (await scripts.beginTry(requestId, name, MOST_TRIES)) === 1
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
