import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { SecretKey } from '../core/secret-key.ts'
import { deriveKeyObject } from './derive-key.ts'

/** The list that a cursor belongs to: its name and its filters. Other filters make it another list. */
export type ListName = readonly (string | null)[]

/** Makes and verifies cursors: signed positions in a list that nobody else can forge. */
export interface Cursors {
  /** Makes the cursor of a position in a list, signed with the first key. */
  make(list: ListName, position: string): string
  /** Returns the position; null unless one of the keys signed exactly this cursor for this list. */
  read(list: ListName, cursor: string): string | null
}

const MAC_BYTES = 16

/** A cursor is base64url of: HMAC-SHA-256 cut to 128 bits, position. Its keys are derived for this purpose alone. */
export function createCursors(secretKeys: readonly [SecretKey, ...SecretKey[]]): Cursors {
  const derive = ({ bytes }: SecretKey) => deriveKeyObject(bytes, 'cursor')
  const keys = secretKeys.map(derive)
  const firstKey = derive(secretKeys[0])
  return {
    make(list, position) {
      const mac = macOf(firstKey, list, position)
      return Buffer.concat([mac, Buffer.from(position)]).toString('base64url')
    },

    read(list, cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const isSpelledSo = bytes.toString('base64url') === cursor
      if (!isSpelledSo || bytes.length <= MAC_BYTES) return null
      const position = bytes.toString('utf8', MAC_BYTES)
      const mac = bytes.subarray(0, MAC_BYTES)
      return keys.some((key) => timingSafeEqual(mac, macOf(key, list, position))) ? position : null
    }
  }
}

function macOf(key: KeyObject, list: ListName, position: string): Buffer {
  const mac = createHmac('sha256', key).update(JSON.stringify([list, position]))
  return mac.digest().subarray(0, MAC_BYTES)
}
