import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import type { SecretKey } from '../core/secret-key.ts'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals what must not be read in Redis, bound to the id of the request or job that it belongs to. */
export interface Cipher {
  /** Seals with the first key. */
  encrypt(plain: Uint8Array, id: string): Buffer
  /** Opens with the key that sealed; throws where that key is gone, or anything was altered. */
  decrypt(sealed: Uint8Array, id: string): Buffer
  /** True where the key that sealed is one of those that there are. */
  canDecrypt(sealed: Uint8Array): boolean
}

/** A body on its way into the ledger, hashed and sealed: what takes long of a large one. */
export interface EncryptedBody {
  readonly size: number
  /** Of the bytes that came, in hex. */
  readonly sha256: string
  readonly sealed: Uint8Array
}

/** Hashes a body and seals it for its request. */
export function encryptBody(
  { encrypt }: Pick<Cipher, 'encrypt'>,
  body: Uint8Array,
  requestId: string
): EncryptedBody {
  const sha256 = createHash('sha256').update(body).digest('hex')
  return { size: body.length, sha256, sealed: encrypt(body, requestId) }
}

/** Hashes and encrypts a body for the id that it belongs to. Of a large body that is done off the event loop. */
export type EncryptBody = (body: Uint8Array, id: string) => Promise<EncryptedBody> | EncryptedBody

/** Hashes and encrypts at once, on the thread that calls. */
export function encryptInline(cipher: Pick<Cipher, 'encrypt'>) {
  return (body: Uint8Array, id: string): EncryptedBody => encryptBody(cipher, body, id)
}

/** What a key is for: `seal` what the ledger keeps, `result` what consumers are given the keys of, `account` to hash, `cursor` to sign. */
export type Purpose = 'seal' | 'result' | 'account' | 'cursor'

/**
 * AES-256-GCM under keys derived for this purpose alone (HKDF-SHA-256), the id as associated data.
 * The bytes are: length of the key id, key id, nonce (12), tag (16), ciphertext.
 */
export function createCipher(
  secretKeys: readonly [SecretKey, ...SecretKey[]],
  purpose: Purpose = 'seal'
): Cipher {
  const derive = ({ kid, bytes }: SecretKey) => [kid, deriveKey(bytes, purpose)] as const
  const keys = new Map(secretKeys.map(derive))
  const [firstKid, firstKey] = derive(secretKeys[0])

  return {
    encrypt(plain, id) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, firstKey, nonce).setAAD(Buffer.from(id))
      const ciphertext = [cipher.update(plain), cipher.final()]
      const kid = Buffer.from(firstKid)
      return Buffer.concat([Buffer.of(kid.length), kid, nonce, cipher.getAuthTag(), ...ciphertext])
    },

    decrypt(sealed, id) {
      const { kid, nonce, tag, ciphertext } = split(sealed)
      const key = keys.get(kid)
      if (key === undefined) throw new Error(`sealed with key '${kid}', which SECRET_KEYS lacks`)
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(id)).setAuthTag(tag)
      // In this mode everything comes from the update: the bytes are not copied once more.
      const plain = decipher.update(ciphertext)
      const rest = decipher.final()
      return rest.length === 0 ? plain : Buffer.concat([plain, rest])
    },

    canDecrypt: (sealed) => keys.has(keyIdOf(sealed))
  }
}

/** The id of the key that sealed. */
export function keyIdOf(sealed: Uint8Array): string {
  return split(sealed).kid
}

/** The key of one purpose: nobody who has it learns those of others, nor what they are made from. */
export function deriveKey(bytes: Uint8Array, purpose: Purpose): Buffer {
  return Buffer.from(hkdfSync('sha256', bytes, '', `khipu-receiver/${purpose}/v1`, 32))
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
