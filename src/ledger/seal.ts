import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { SecretKey } from '../core/secret-key.ts'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals what must not be read in Redis, bound to the request that it belongs to. */
export interface Sealer {
  /** Seals with the first key. */
  seal(plain: Uint8Array, requestId: string): Buffer
  /** Opens with the key that sealed; throws where that key is gone, or anything was altered. */
  open(sealed: Uint8Array, requestId: string): Buffer
}

/**
 * AES-256-GCM under keys derived for this purpose alone (HKDF-SHA-256), the request id as associated data.
 * The bytes are: length of the key id, key id, nonce (12), tag (16), ciphertext.
 */
export function createSealer(secretKeys: readonly [SecretKey, ...SecretKey[]]): Sealer {
  const keys = new Map(secretKeys.map(({ kid, bytes }) => [kid, deriveKey(bytes)] as const))
  const [{ kid: firstKid, bytes }] = secretKeys
  const firstKey = deriveKey(bytes)

  return {
    seal(plain, requestId) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, firstKey, nonce).setAAD(Buffer.from(requestId))
      const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()])
      const kid = Buffer.from(firstKid)
      return Buffer.concat([Buffer.of(kid.length), kid, nonce, cipher.getAuthTag(), ciphertext])
    },

    open(sealed, requestId) {
      const { kid, nonce, tag, ciphertext } = split(Buffer.from(sealed))
      const key = keys.get(kid)
      if (key === undefined) throw new Error(`sealed with key '${kid}', which SECRET_KEYS lacks`)
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(requestId)).setAuthTag(tag)
      return Buffer.concat([decipher.update(ciphertext), decipher.final()])
    }
  }
}

function deriveKey(bytes: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', bytes, '', 'khipu-receiver/seal/v1', 32))
}

function split(sealed: Buffer) {
  const nonceAt = 1 + (sealed[0] ?? 0)
  const tagAt = nonceAt + NONCE_BYTES
  const ciphertextAt = tagAt + TAG_BYTES
  return {
    kid: sealed.toString('utf8', 1, nonceAt),
    nonce: sealed.subarray(nonceAt, tagAt),
    tag: sealed.subarray(tagAt, ciphertextAt),
    ciphertext: sealed.subarray(ciphertextAt)
  }
}
