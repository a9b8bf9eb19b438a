import { createHash } from 'node:crypto'
import type { Cipher } from '../crypto/encrypt.ts'
import type { Store } from './store.ts'

/** What an Idempotency-Key stands for: the request that it made, and a fingerprint of what was asked. */
export interface Reservation {
  readonly requestId: string
  /** Of what was asked; kept sealed, for it could be guessed at otherwise. */
  readonly fingerprint: Uint8Array
}

/** Remembers Idempotency-Keys, so that a repeated call makes no second, paid request. */
export interface Idempotency {
  /** Reserves a key of a caller; answers the reservation that holds it, this one or an earlier one. */
  reserve(caller: string, idempotencyKey: string, reservation: Reservation): Promise<Reservation>
}

export function createIdempotency({ redis, sealer, key }: Store, keptMs: number): Idempotency {
  return {
    async reserve(caller, idempotencyKey, reservation) {
      const hash = createHash('sha256').update(JSON.stringify([caller, idempotencyKey]))
      const name = key('idempotency', hash.digest('base64url'))
      const { requestId, fingerprint } = reservation
      const sealed = sealer.encrypt(fingerprint, requestId).toString('base64')
      const stored = JSON.stringify({ requestId, sealed })
      await redis.set(name, stored, 'PX', keptMs, 'NX')
      return open(sealer, (await redis.get(name)) ?? stored)
    }
  }
}

function open(sealer: Cipher, stored: string): Reservation {
  const { requestId, sealed } = JSON.parse(stored) as { requestId: string; sealed: string }
  return { requestId, fingerprint: sealer.decrypt(Buffer.from(sealed, 'base64'), requestId) }
}
