import { isCallback } from '../crypto/callback-id.ts'
import type { Cipher } from '../crypto/encrypt.ts'
import type { Lane, NotHere } from '../core/result-head.ts'
import type { Tries } from './publication-tries.ts'
import type { Store } from './store.ts'

/** A received envelope as it is stored: encrypted. */
export interface StoredBody {
  readonly requestId: string
  readonly callbackId: string
  readonly sealed: Uint8Array
  /** Decrypts the bytes. Throws if they differ from the received ones, or cannot be decrypted. */
  open(): Buffer
}

/** An envelope whose publication has begun; null once it was deleted. */
export type Publishing = StoredBody | NotHere | null
type Begun = Uint8Array | NotHere | null

/** The received envelopes. */
export interface Bodies {
  /**
   * An envelope as it is stored, once its publication has begun as one try; null once it was deleted. It does not begin
   * where it must not, or belongs in another lane.
   */
  beginPublication(requestId: string, callbackId: string, lane: Lane): Promise<Publishing>
  /** The bytes of a received envelope; null once they were deleted. */
  openBody(requestId: string, callbackId: string): Promise<Buffer | null>
}

export function createBodies(
  { redis, cipher, key }: Store,
  { beginTry }: Pick<Tries, 'beginTry'>
): Bodies & {
  /** The envelope that a begun try returned as it is stored. */
  stored(requestId: string, callbackId: string, begun: Begun): Publishing
} {
  const stored = (requestId: string, callbackId: string, begun: Begun): Publishing => {
    if (begun === null || typeof begun === 'string') return begun
    const body = { requestId, callbackId, sealed: begun }
    return { ...body, open: () => openStored(cipher, body) }
  }
  return {
    stored,

    beginPublication: async (requestId, callbackId, lane) =>
      stored(requestId, callbackId, await beginTry(requestId, callbackId, lane)),

    async openBody(requestId, callbackId) {
      const sealed = await redis.hgetBuffer(key('bodies', requestId), callbackId)
      return sealed && openStored(cipher, { requestId, callbackId, sealed })
    }
  }
}

/** The bytes of a received envelope, decrypted from the stored ones. */
export function openStored(
  cipher: Pick<Cipher, 'decrypt'>,
  { requestId, callbackId, sealed }: Omit<StoredBody, 'open'>
): Buffer {
  const body = cipher.decrypt(sealed, requestId)
  // A writer to Redis could replace the body by another encrypted value of the same request.
  if (!isCallback(callbackId, body)) throw new Error(`body ${callbackId} is not what it was`)
  return body
}
