import type { Ledger } from '../ledger/ledger.ts'
import { within } from '../redis/time-limit.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import { type Arrival, type LedgerWriters, storeCallback, type Stored } from './store-callback.ts'

/** Where callbacks are stored, in time for their answer. */
export interface CallbackStore {
  /** False while Redis is away or nearly full. */
  canStore(): boolean
  /** Whether the ledger has a request; null where Redis can't say. */
  knows(requestId: string): Promise<boolean | null>
  /** Whether a body of so many bytes can be stored while Redis can't say. */
  hasRoom(callback: CallbackSize): boolean
  /** Stores a body; null where that can't be done now. One that is null may be stored all the same. */
  store(callback: ReceivedCallback): Promise<Placed | null>
}

export interface CallbackSize {
  readonly requestId: string
  readonly attempt: number
  readonly size: number
}

export interface ReceivedCallback {
  readonly arrival: Arrival
  readonly lookUp: LookUp
  /** How long Redis took to say whether it knows the request, in ms. */
  readonly askedForMs: number
  /** When the body could be read, by `performance.now()`. */
  readonly cameAt: number
  /** False for a body that must not be read again before it is in Redis. */
  readonly canWait: boolean
}

/**
 * Whether Redis knows the request: it has said so, it has not been asked yet, or it could not say. The script that
 * stores a callback says so as well.
 */
export type LookUp = 'known' | 'later' | 'failed'

/** What was stored, and where. */
export type Placed = Stored & { readonly place: 'redis' | 'disk' }

export interface RedisStoreDeps {
  readonly ledger: Pick<Ledger, 'has'>
  readonly writers: LedgerWriters
  /** False while Redis is away, or so full that its workers would soon be stopped as well. */
  readonly canStore: () => boolean
}

/** How long Redis may be silent in all, from the check of the token on. Then the answer is 503, within 2 s. */
const SILENCE_LIMIT_MS = 1_800
/** How slowly a large body may travel to a Redis that answers other commands meanwhile. */
const LEAST_BYTES_PER_MS = 1_000
const POLL_MS = 100

/**
 * The ledger, with a time limit. A body that was not stored in time may be stored all the same: the same bytes are a
 * duplicate then. A body that came before such a failure, and had to wait, is not tried: each would wait as long for
 * a Redis that hangs.
 */
export function createRedisStore(deps: RedisStoreDeps): CallbackStore {
  let failedAt = -Infinity
  return {
    canStore: deps.canStore,
    knows: async (requestId) => {
      if (!deps.canStore()) return null
      return inTime(SILENCE_LIMIT_MS, deps.ledger.has(requestId)).catch(() => null)
    },
    hasRoom: () => false,

    async store({ arrival, lookUp, askedForMs, cameAt }) {
      if (failedAt > cameAt || lookUp === 'failed' || !deps.canStore()) return null
      const left = Math.max(0, SILENCE_LIMIT_MS - askedForMs)
      const storing = storeCallback(deps.writers, arrival)
      const isLarge = arrival.body.length > LARGE_BYTES
      try {
        const stored = await (isLarge
          ? whileRedisAnswers(deps, arrival, left, storing)
          : inTime(left, storing))
        return { ...stored, place: 'redis' }
      } catch {
        failedAt = performance.now()
        return null
      }
    }
  }
}

function inTime<T>(limitMs: number, storing: Promise<T>): Promise<T> {
  return within(limitMs, storing, () => new Error('Redis did not confirm it in time'))
}

/** A large body may take longer, while Redis answers on the other connection. */
async function whileRedisAnswers<T>(
  { ledger }: RedisStoreDeps,
  { capability, body }: Arrival,
  limitMs: number,
  storing: Promise<T>
): Promise<T> {
  const silence = watchSilence(limitMs, () => ledger.has(capability.requestId))
  const transferMs = body.length / LEAST_BYTES_PER_MS
  try {
    return await inTime(limitMs + transferMs, Promise.race([storing, silence.exceeded]))
  } finally {
    silence.stop()
  }
}

/**
 * Asks again and again, and rejects once there was no answer for that time. The time is counted in turns of the event
 * loop: while that is blocked, an answer may be there and unread.
 */
function watchSilence(limitMs: number, ask: () => Promise<unknown>) {
  const { promise: exceeded, reject } = Promise.withResolvers<never>()
  let turns = 0
  let isAsking = false
  const timer = setInterval(() => {
    turns += 1
    if (turns * POLL_MS >= limitMs) reject(new Error('Redis is silent'))
    if (isAsking) return
    isAsking = true
    // A command that failed is sent again: it may have been given up too early, or for another reason.
    ask()
      .then(() => (turns = 0))
      .catch(() => {})
      .finally(() => (isAsking = false))
  }, POLL_MS)
  return { exceeded, stop: () => clearInterval(timer) }
}
