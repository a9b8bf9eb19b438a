import { encryptBody, type EncryptedBody, type Cipher } from '../crypto/encrypt.ts'
import { parseBody, type Verdict } from './parse-body.ts'

/** What is made of a body before it is stored. */
export interface Examined {
  readonly verdict: Verdict
  readonly sealed: EncryptedBody
}

/** Reads, validates, hashes and seals a body for its request. Of a large one that is done off the event loop. */
export type Examine = (
  body: Uint8Array,
  isEncoded: boolean,
  requestId: string
) => Promise<Examined> | Examined

/** Examines at once, on the thread that calls. */
export function examineInline(cipher: Pick<Cipher, 'encrypt'>, mostValues?: number) {
  return (body: Uint8Array, isEncoded: boolean, requestId: string): Examined => ({
    verdict: parseBody(body, isEncoded, mostValues),
    sealed: encryptBody(cipher, body, requestId)
  })
}
