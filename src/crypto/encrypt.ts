import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import type { SecretKey } from '../core/secret-key.ts'
import { deriveKeyObject, type Purpose } from './derive-key.ts'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts data so that nobody can read it in Redis. The ciphertext is bound to the id of its request or job.
 * `docs/design/threat-model.md` lists the encrypted data.
 */
export interface Cipher {
  /** Encrypts with the first key. */
  encrypt(plain: Uint8Array, id: string): Buffer
  /** Decrypts with the key that encrypted; throws where that key is gone or anything was altered. */
  decrypt(sealed: Uint8Array, id: string): Buffer
  /** True where SECRET_KEYS still has the key that encrypted. */
  canDecrypt(sealed: Uint8Array): boolean
}

/** A hashed and encrypted body, before it is stored. For a large body both steps take long. */
export interface EncryptedBody {
  readonly size: number
  /** The hash of the received bytes, in hex. */
  readonly sha256: string
  readonly sealed: Uint8Array
}

/** Hashes a body and encrypts it for its request. */
export function encryptBody(
  { encrypt }: Pick<Cipher, 'encrypt'>,
  body: Uint8Array,
  requestId: string
): EncryptedBody {
  const sha256 = hash('sha256', body)
  return { size: body.length, sha256, sealed: encrypt(body, requestId) }
}

/** Hashes and encrypts a body for the id that it belongs to. A large body is encrypted off the event loop. */
export type EncryptBody = (body: Uint8Array, id: string) => Promise<EncryptedBody> | EncryptedBody

/** Hashes and encrypts synchronously, on the calling thread. */
export function encryptInline(cipher: Pick<Cipher, 'encrypt'>) {
  return (body: Uint8Array, id: string): EncryptedBody => encryptBody(cipher, body, id)
}

/**
 * Encrypts with AES-256-GCM. The keys are derived for this purpose alone with HKDF-SHA-256. The id is the associated
 * data. The output is: length of the key id, key id, nonce (12 bytes), tag (16 bytes), ciphertext.
 */
export function createCipher(
  secretKeys: readonly [SecretKey, ...SecretKey[]],
  purpose: Purpose = 'seal'
): Cipher {
  const derive = ({ kid, bytes }: SecretKey) => [kid, deriveKeyObject(bytes, purpose)] as const
  const keys = new Map(secretKeys.map(derive))
  const [firstKid, firstKey] = derive(secretKeys[0])
  const kid = Buffer.from(firstKid)
  const head = Buffer.concat([Buffer.of(kid.length), kid])
  const newNonce = createNonces()

  return {
    encrypt(plain, id) {
      const nonce = newNonce()
      const cipher = createCipheriv(ALGORITHM, firstKey, nonce).setAAD(Buffer.from(id))
      const ciphertext = cipher.update(plain)
      // In GCM mode `update` returns all bytes and `final` none.
      cipher.final()
      return Buffer.concat([head, nonce, cipher.getAuthTag(), ciphertext])
    },

    decrypt(sealed, id) {
      const { kid, nonce, tag, ciphertext } = split(sealed)
      const key = keys.get(kid)
      if (key === undefined) throw new Error(`encrypted with key '${kid}', which SECRET_KEYS lacks`)
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(id)).setAuthTag(tag)
      const plain = decipher.update(ciphertext)
      // It returns no bytes in GCM mode, and throws where anything was altered.
      decipher.final()
      return plain
    },

    canDecrypt: (sealed) => keys.has(keyIdOf(sealed))
  }
}

/** The id of the key that encrypted. */
export function keyIdOf(sealed: Uint8Array): string {
  return split(sealed).kid
}

const NONCES_AT_ONCE = 256

/** Draws random nonces, many at once: a single draw takes longer than the encryption of a small body. */
function createNonces(): () => Buffer {
  let drawn = Buffer.alloc(0)
  return () => {
    if (drawn.length === 0) drawn = randomBytes(NONCE_BYTES * NONCES_AT_ONCE)
    const nonce = drawn.subarray(0, NONCE_BYTES)
    drawn = drawn.subarray(NONCE_BYTES)
    return nonce
  }
}

function split(bytes: Uint8Array) {
  const sealed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
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
