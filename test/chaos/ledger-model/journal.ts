import type { Input } from '../../../src/ledger/input.ts'
import type { Said } from './happening.ts'

/** A POST that Khipu was to get. */
export interface Post {
  readonly requestId: string
  readonly attempt: number
  readonly at: number
  readonly said: Said['type']
  /** The instant at which the answer was there; null where there was none. */
  answeredAt: number | null
}

/** A body that was stored for a request as a callback; the `nth` of all that happened. */
export interface Stored {
  readonly id: string
  readonly requestId: string
  readonly isGood: boolean
  readonly nth: number
}

/** A callback that was answered 200. */
export interface Acknowledged {
  readonly id: string
  readonly requestId: string
  readonly attempt: number
  readonly isGood: boolean
}

/** What somebody asked for, under an Idempotency-Key. */
export interface Ask {
  readonly key: string
  readonly service: string
  readonly input: Input
}

/**
 * What the outside knows of a run by itself: Khipu which POSTs it got, the sender of callbacks which were
 * answered 200, whoever asked whether it was answered.
 */
export class Journal {
  readonly posts: Post[] = []
  readonly stored = new Map<string, Stored>()
  readonly acknowledged: Acknowledged[] = []
  readonly asked: Ask[] = []
  /** What was asked and not answered: it will be asked again. */
  unanswered: Ask[] = []
  /** The quarantine entries that an operator has accepted or discarded, or tried to. */
  readonly operated = new Set<string>()
  /** Crashes, lost replies, lost keys and clocks that differ. */
  crashes = 0
  unrest = 0
  /** How often the clock moved in the middle of a handler, perhaps past the deadline of what it was about to send. */
  heldUp = 0
}
