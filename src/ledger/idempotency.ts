import { createHash } from 'node:crypto'
import type { Cipher } from '../crypto/encrypt.ts'
import type { Store } from './store.ts'

/** The meaning of an Idempotency-Key: the request that it created, and a fingerprint of the call. */
export interface Reservation {
  readonly requestId: string
  /** Fingerprint of the call. It is stored encrypted, because its content could be guessed from the plain value. */
  readonly fingerprint: Uint8Array
}

/** Stores Idempotency-Keys, so that a repeated call creates no second, paid request. */
export interface Idempotency {
  /** Reserves a key of a caller. Returns the valid reservation, this one or an earlier one. */
  reserve(caller: string, idempotencyKey: string, reservation: Reservation): Promise<Reservation>
}

export function createIdempotency({ redis, cipher, key }: Store, keptMs: number): Idempotency {
  return {
    async reserve(caller, idempotencyKey, reservation) {
      const hash = createHash('sha256').update(JSON.stringify([caller, idempotencyKey]))
      const name = key('idempotency', hash.digest('base64url'))
      const { requestId, fingerprint } = reservation
      const sealed = cipher.encrypt(fingerprint, requestId).toString('base64')
      const stored = JSON.stringify({ requestId, sealed })
      await redis.set(name, stored, 'PX', keptMs, 'NX')
      return open(cipher, (await redis.get(name)) ?? stored)
    }
  }
}

function open(cipher: Cipher, stored: string): Reservation {
  const { requestId, sealed } = JSON.parse(stored) as { requestId: string; sealed: string }
  return { requestId, fingerprint: cipher.decrypt(Buffer.from(sealed, 'base64'), requestId) }
}
