import type { EncryptBody } from '../../src/crypto/encrypt.ts'

/** A way to encrypt that notes the bodies it was given, and answers later, as a thread does. */
export function noteSealed(seal: EncryptBody): {
  readonly seal: EncryptBody
  readonly sealed: string[]
} {
  const sealed: string[] = []
  const noted: EncryptBody = async (body, id) => {
    sealed.push(Buffer.from(body).toString())
    return seal(body, id)
  }
  return { seal: noted, sealed }
}
