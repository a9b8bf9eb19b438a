import type { AuthKind } from './check-call.ts'

/** A POST that the simulated Khipu got. */
export interface Call {
  readonly at: string
  readonly path: string
  readonly account: string | null
  /** Counts the accepted calls for its account, from 1; 0 where the call was refused. */
  readonly attempt: number
  readonly scenario: string | null
  readonly auth: AuthKind
  readonly credential: string | null
  readonly requestData: object | null
  readonly callbackUrl: string | null
  readonly operationId: string | null
  /** The status answered, or what happened instead; null as long as nothing has. */
  answer: { readonly status: number | null; readonly note: string } | null
}

/** A callback that the simulated Khipu sent. */
export interface SentCallback {
  /** Counted from 1 since the start or the last reset. */
  readonly number: number
  readonly at: string
  readonly account: string
  readonly attempt: number
  readonly scenario: string
  readonly operationId: string
  readonly url: string
  readonly contentType: string | null
  readonly bytes: number
  /** What the receiver answered, or why there was no answer; null until then. */
  answer: { readonly status: number; readonly body: string } | { readonly error: string } | null
}

/** Everything that happened, newest last, as much of it as is kept. */
export interface History {
  readonly calls: Call[]
  readonly callbacks: SentCallback[]
  /** Counts a call for the account, from 1. */
  countAttempt(account: string): number
  addCall(call: Call): void
  addCallback(callback: Omit<SentCallback, 'number' | 'bytes'>, body: Buffer): SentCallback
  /** The bytes of a callback. */
  bodyOf(number: number): Buffer | undefined
  /** Forgets everything, the attempts of the accounts included. */
  clear(): void
}

/** A history that keeps the newest `keep` calls and the newest `keep` callbacks. */
export function createHistory(keep: number): History {
  const calls: Call[] = []
  const callbacks: SentCallback[] = []
  const bodies = new Map<number, Buffer>()
  const attempts = new Map<string, number>()
  let sent = 0

  return {
    calls,
    callbacks,
    countAttempt(account) {
      const attempt = (attempts.get(account) ?? 0) + 1
      attempts.set(account, attempt)
      return attempt
    },
    addCall(call) {
      calls.push(call)
      if (calls.length > keep) calls.shift()
    },
    addCallback(callback, body) {
      sent += 1
      const record = { ...callback, number: sent, bytes: body.length }
      callbacks.push(record)
      bodies.set(sent, body)
      const dropped = callbacks.length > keep ? callbacks.shift() : undefined
      if (dropped !== undefined) bodies.delete(dropped.number)
      return record
    },
    bodyOf: (number) => bodies.get(number),
    clear() {
      calls.length = 0
      callbacks.length = 0
      bodies.clear()
      attempts.clear()
      sent = 0
    }
  }
}
