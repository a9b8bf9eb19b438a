import type { Fault } from '../schemas/generated.ts'
import type { Outcome } from './envelope.ts'

/**
 * Khipu's immediate answer to one POST, as a closed union.
 * `acknowledged`: Khipu accepted the request and sends a callback later.
 * `envelope`: the answer already carries the outcome.
 * `refused`: an HTTP status rejects the request.
 * `temporary`: Khipu did not accept the request. It may be sent again.
 * `ambiguous`: Khipu may have accepted the request. Nothing is sent before the deadline.
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
      /** The received bytes. An error whose bytes break the rules of JSON is written anew. */
      readonly body: Uint8Array
      /** The received bytes, if the error was written anew. */
      readonly unreadable?: Unreadable
    }
  | {
      readonly type: 'refused'
      /** Null if the request was not sent, for lack of an authorization. */
      readonly httpStatus: number | null
      readonly cause: 'unauthorized' | 'rejected' | 'unreadable-answer'
      readonly detail: string
    }
  | {
      readonly type: 'temporary'
      /** Null if no request reached Khipu. */
      readonly httpStatus: number | null
      readonly retryAfterMs: number | null
      readonly detail: string
    }
  | {
      readonly type: 'ambiguous'
      readonly detail: string
      /** The body of a 2xx that cannot be read. It is kept, because Khipu may have charged for it. */
      readonly unreadable?: Unreadable
    }

/** A body that is not an envelope, and the reason. */
export interface Unreadable {
  readonly body: Uint8Array
  readonly kind: 'not-json' | 'schema'
  readonly faults: readonly Fault[]
}
