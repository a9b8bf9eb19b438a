import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/**
 * The purpose of a key. `seal` encrypts data in Redis and on disk. `result` encrypts results, and consumers get these
 * keys. `account` hashes accounts. `cursor` signs cursors of lists. `capability` signs callback tokens. `session` signs
 * the cookies of the pages.
 */
export type Purpose = 'seal' | 'result' | 'account' | 'cursor' | 'capability' | 'session'

/**
 * Derives the key of one purpose with HKDF-SHA-256. It reveals neither the keys of other purposes nor the secret key
 * behind them.
 */
export function deriveKey(bytes: Uint8Array, purpose: Purpose): Buffer {
  return Buffer.from(hkdfSync('sha256', bytes, '', `khipu-receiver/${purpose}/v1`, 32))
}

/** The same key for Node's functions. They would make a KeyObject of its bytes at every call. */
export function deriveKeyObject(bytes: Uint8Array, purpose: Purpose): KeyObject {
  return createSecretKey(deriveKey(bytes, purpose))
}
