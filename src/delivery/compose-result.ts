import type { ResultHead } from '../core/result-head.ts'
import { type Deviation, deviationsIn } from '../schemas/deviations.ts'
import type { SealedResult } from '../schemas/generated.ts'
import { resultText } from './result-text.ts'

/** Khipu's envelope as it is stored, for composing a result. */
export interface StoredEnvelope {
  readonly requestId: string
  readonly callbackId: string
  readonly sealed: Uint8Array
  /** Decrypts the bytes. Throws if they differ from the received ones, or cannot be decrypted. */
  open(): Uint8Array
}

export type Envelope = Uint8Array | StoredEnvelope

/** The data of a result's job, as the bytes of its JSON, and the deviations in its envelope. */
export interface Composed {
  readonly text: Uint8Array
  readonly deviations: readonly Deviation[]
}

/** Composes the data of a result's job. For a large envelope this is done off the event loop. */
export type Compose = (
  head: ResultHead,
  envelope: Envelope | null,
  jobId: string
) => Promise<Composed> | Composed

/** Encrypts a result for the holders of the result keys. The ciphertext is bound to the job id. */
export type EncryptResult = (plain: Uint8Array, jobId: string) => Uint8Array

/** Composes at once, on the calling thread. Without `seal` the plain result is the data of its job. */
export function composeInline(seal: EncryptResult | null = null) {
  return (head: ResultHead, envelope: Envelope | null, jobId: string): Composed => {
    const body = envelope === null || envelope instanceof Uint8Array ? envelope : envelope.open()
    const deviations = body === null ? [] : deviationsIn(body)
    const plain = resultText(head, deviations, body)
    const text = seal === null ? plain : sealed(seal, plain, head.requestId, jobId)
    return { text, deviations }
  }
}

/** The encrypted text is, byte for byte, the one that an unencrypted job would have as its data. */
function sealed(
  seal: EncryptResult,
  text: Uint8Array,
  requestId: string,
  jobId: string
): Uint8Array {
  const bytes = Buffer.from(seal(text, jobId))
  const data: SealedResult = { requestId, sealed: bytes.toString('base64') }
  return Buffer.from(JSON.stringify(data))
}
