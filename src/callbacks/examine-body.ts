import { encryptBody, type EncryptedBody, type Cipher } from '../crypto/encrypt.ts'
import { parseBody, type Verdict } from './parse-body.ts'

/** A body that was validated and encrypted, before it is stored. */
export interface Examined {
  readonly verdict: Verdict
  readonly sealed: EncryptedBody
}

/** Parses, validates, hashes and encrypts a body for its request. A large body is examined off the event loop. */
export type Examine = (
  body: Uint8Array,
  isEncoded: boolean,
  requestId: string
) => Promise<Examined> | Examined

/** Examines synchronously, on the calling thread. */
export function examineInline(cipher: Pick<Cipher, 'encrypt'>, mostValues?: number) {
  return (body: Uint8Array, isEncoded: boolean, requestId: string): Examined => ({
    verdict: parseBody(body, isEncoded, mostValues),
    sealed: encryptBody(cipher, body, requestId)
  })
}
