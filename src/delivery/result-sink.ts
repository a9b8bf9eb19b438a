/**
 * The target of results. Another target, such as an HTTP endpoint, is another implementation beside `bullmq-sink.ts`,
 * chosen in `app/ledger-parts.ts`.
 */
export interface ResultSink {
  /** Delivers a result; resolves once the target has it. Idempotent: a repeated id adds nothing. */
  deliver(result: DeliverableResult): Promise<void>
  /** The results that were delivered and not consumed yet; rejects while the target is unreachable. */
  backlog(): Promise<Backlog>
  close(): Promise<void>
}

export interface DeliverableResult {
  /** The id of its request, or that id with the suffix `-late`. */
  readonly id: string
  readonly outcome: string
  /** Its JSON, by `schemas/result.json` or, if encrypted, by `schemas/sealed-result.json`. */
  readonly text: Uint8Array
}

export interface Backlog {
  /** Results that a consumer has yet to process, including the retries of its handler. */
  readonly waiting: number
  /** Results that failed in the consumer's handler for good. */
  readonly failed: number
  /** How long the next one has waited, in ms; 0 if none waits. */
  readonly oldestMs: number
}
