import type { Fault } from '../schemas/generated.ts'
import type { Outcome } from './envelope.ts'

/**
 * Khipu's immediate answer to one POST, as a closed union.
 * `acknowledged`: accepted, the callback follows. `envelope`: the outcome is known already.
 * `refused`: an HTTP status says no. `temporary`: not taken, or not readable; may be sent again.
 * `ambiguous`: it may have been taken; it must never be sent again blindly.
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
      readonly body: Uint8Array
    }
  | {
      readonly type: 'refused'
      /** Null where there was nothing to send with. */
      readonly httpStatus: number | null
      readonly cause: 'unauthorized' | 'rejected'
    }
  | {
      readonly type: 'temporary'
      readonly httpStatus: number | null
      readonly retryAfterMs: number | null
      readonly detail: string
      /** What a 200 brought that can't be read: kept, for it may have been paid for. */
      readonly unreadable?: Unreadable
    }
  | { readonly type: 'ambiguous'; readonly detail: string }

/** A body that is no envelope, and why. */
export interface Unreadable {
  readonly body: Uint8Array
  readonly kind: 'not-json' | 'schema'
  readonly faults: readonly Fault[]
}
