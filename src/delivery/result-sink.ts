/** Where results go. Another target, an HTTP endpoint say, is another implementation beside `bullmq-sink.ts`. */
export interface ResultSink {
  /** Hands a result over; resolves once the target has it. Idempotent: the same id again adds nothing. */
  deliver(result: DeliverableResult): Promise<void>
  /** What was handed over and not consumed yet; rejects while the target can't be asked. */
  backlog(): Promise<Backlog>
  close(): Promise<void>
}

export interface DeliverableResult {
  /** The id of its request, or that with `-late` behind it. */
  readonly id: string
  readonly outcome: string
  /** Its JSON, as `schemas/result.json` or, encrypted, `schemas/sealed-result.json` says. */
  readonly text: Uint8Array
}

export interface Backlog {
  /** Results that a consumer has yet to take, the retries of its handler included. */
  readonly waiting: number
  /** Results that its handler has given up. */
  readonly failed: number
  /** How long the next one has waited, in ms; 0 where none waits. */
  readonly oldestMs: number
}
