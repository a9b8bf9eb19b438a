import type { Fault } from '../schemas/generated.ts'
import type { Outcome } from './envelope.ts'

/**
 * Khipu's immediate answer to one POST, as a closed union.
 * `acknowledged`: accepted, the callback follows. `envelope`: the outcome is known already.
 * `refused`: an HTTP status says no. `temporary`: not taken; may be sent again.
 * `ambiguous`: it may have been taken; nothing is sent before the deadline.
 */
export type Answer =
  | {
      readonly type: 'acknowledged'
      readonly httpStatus: number
      readonly operationId: string | null
      readonly lifeSpan: string | null
    }
  | {
      readonly type: 'envelope'
      readonly httpStatus: number
      readonly outcome: Outcome
      readonly retryAfterMs: number | null
      /** The bytes that came, or an error written anew where they break the rules of JSON. */
      readonly body: Uint8Array
      /** The bytes that came, where an error had to be written anew. */
      readonly unreadable?: Unreadable
    }
  | {
      readonly type: 'refused'
      /** Null where there was nothing to send with. */
      readonly httpStatus: number | null
      readonly cause: 'unauthorized' | 'rejected' | 'unreadable-answer'
      readonly detail: string
    }
  | {
      readonly type: 'temporary'
      /** Null where no request reached Khipu. */
      readonly httpStatus: number | null
      readonly retryAfterMs: number | null
      readonly detail: string
    }
  | {
      readonly type: 'ambiguous'
      readonly detail: string
      /** What a 2xx brought that can't be read: kept, for it may have been paid for. */
      readonly unreadable?: Unreadable
    }

/** A body that is no envelope, and why. */
export interface Unreadable {
  readonly body: Uint8Array
  readonly kind: 'not-json' | 'schema'
  readonly faults: readonly Fault[]
}
