import type { ResultHead } from '../core/result-head.ts'
import { type Deviation, deviationsIn } from '../schemas/deviations.ts'
import type { SealedResult } from '../schemas/generated.ts'
import { resultText } from './result-text.ts'

/** Khipu's envelope as it is stored, for a result to be made of. */
export interface StoredEnvelope {
  readonly requestId: string
  readonly callbackId: string
  readonly sealed: Uint8Array
  /** Its bytes; throws where they are not what they were, or can't be opened. */
  open(): Uint8Array
}

export type Envelope = Uint8Array | StoredEnvelope

/** The data of a result's job, as the bytes of its JSON, and what deviates in its envelope. */
export interface Composed {
  readonly text: Uint8Array
  readonly deviations: readonly Deviation[]
}

/** Makes the data of a result's job. Of a large envelope that is done off the event loop. */
export type Compose = (
  head: ResultHead,
  envelope: Envelope | null,
  jobId: string
) => Promise<Composed> | Composed

/** Makes of a result what only who holds its keys can read, bound to the id of its job. */
export type EncryptResult = (plain: Uint8Array, jobId: string) => Uint8Array

/** Composes at once, on the thread that calls. Without a sealer a result is the data of its job, as it is. */
export function composeInline(seal: EncryptResult | null = null) {
  return (head: ResultHead, envelope: Envelope | null, jobId: string): Composed => {
    const body = envelope === null || envelope instanceof Uint8Array ? envelope : envelope.open()
    const deviations = body === null ? [] : deviationsIn(body)
    const plain = resultText(head, deviations, body)
    const text = seal === null ? plain : sealed(seal, plain, head.requestId, jobId)
    return { text, deviations }
  }
}

/** The text that is sealed is the one that would have been the job's data, byte for byte. */
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
