/** What is said in an envelope, before it is written out for one account and one operation. */
export type Payload =
  | {
      readonly kind: 'transactions'
      readonly count: number
      readonly variant?: string
      readonly additionalInformation?: string
    }
  | { readonly kind: 'data'; readonly data: object | null }
  | { readonly kind: 'error'; readonly error: KhipuError }
  | { readonly kind: 'error-without-details' }
  | { readonly kind: 'text'; readonly text: string }

/** The Error of an envelope; Khipu marks none of its members as required. */
export interface KhipuError {
  readonly Code?: string
  readonly Type?: string
  readonly Description?: string
}

/** How the POST itself is answered: `reset` drops the connection, `silence` never answers. */
export type Answer =
  /** LifeSpan overrides the setting. */
  | { readonly kind: 'acknowledgement'; readonly lifeSpan?: string }
  | { readonly kind: 'envelope'; readonly status: number; readonly body: Payload }
  | {
      readonly kind: 'raw'
      readonly status: number
      readonly contentType: string
      readonly body: string | Buffer
      readonly retryAfter?: string
    }
  | { readonly kind: 'reset' }
  | { readonly kind: 'silence' }

/** Which delay of the settings passes before a callback. */
export type Wait = 'none' | 'usual' | 'slow' | 'late'

/** One callback; those of an attempt go out one after the other, each once the last was answered. */
export interface Callback {
  readonly body: Payload
  readonly wait: Wait
  /** Sent, and its answer awaited, before the POST is answered. */
  readonly beforeAnswer?: true
  /** Sent to the CallbackUrl, and under the OperationId, of the attempt before this one. */
  readonly ofPreviousAttempt?: true
  /** How many copies go out at the same moment. */
  readonly copies?: number
  /** Overrides the setting; null sends no Content-Type at all. */
  readonly contentType?: string | null
}

/** What one attempt of a scenario does: how it is answered, and which callbacks follow. */
export interface Behaviour {
  readonly answer: Answer
  readonly callbacks: readonly Callback[]
}

/** The result of an ordinary day: three transactions. */
export const result: Payload = { kind: 'transactions', count: 3 }

/** A callback with this body after the usual delay. */
export function callback(body: Payload, more: Partial<Callback> = {}): Callback {
  return { body, wait: 'usual', ...more }
}

/** 202, then these callbacks. */
export function acknowledges(...callbacks: readonly Callback[]): Behaviour {
  return { answer: { kind: 'acknowledgement' }, callbacks }
}

/** 202, then one callback with Status ERROR. */
export function callsBackError(error: KhipuError): Behaviour {
  return acknowledges(callback({ kind: 'error', error }))
}

/** This answer, and no callback unless some are given. */
export function answers(answer: Answer, ...callbacks: readonly Callback[]): Behaviour {
  return { answer, callbacks }
}

/** 202, then a callback with the result: what every scenario does once its trouble is over. */
export const ok: Behaviour = acknowledges(callback(result))

/** 202, and then nothing. */
export const never: Behaviour = acknowledges()
