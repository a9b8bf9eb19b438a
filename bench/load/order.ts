import type { BodyKind } from './bodies.ts'

/** What the generator is told to send. It ends after `seconds` or `count` calls, whichever comes first. */
export interface Order {
  readonly port: number
  readonly method: 'GET' | 'POST'
  /** One path for each call, from the first one on; a single path serves all calls. */
  readonly paths: readonly string[]
  readonly token?: string
  readonly body: BodyKind
  readonly connections: number
  readonly seconds: number
  readonly count?: number
  /** Paces the calls; otherwise each connection sends as soon as it got its answer. */
  readonly perSecond?: number
  /** Any other status ends the run; an empty list takes every status. */
  readonly statuses: readonly number[]
}

/** What the generator measured. Times of answers are in ms. */
export interface Report {
  readonly count: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly most: number
  /** CPU seconds of the generator itself. */
  readonly cpuSeconds: number
  /** How many calls got each status. */
  readonly statuses: Readonly<Record<string, number>>
}
