import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SecretKey } from '../core/secret-key.ts'
import { deriveKey } from './encrypt.ts'

/** What a cursor belongs to: the name of a list, and the filters that make it another list. */
export type ListName = readonly (string | null)[]

/** Makes and checks the cursors of lists: a position that only this service can have given. */
export interface Cursors {
  /** The cursor of a position in a list, under the first key. */
  make(list: ListName, position: string): string
  /** The position; null for everything that was not made, to the letter, for this list with one of the keys. */
  read(list: ListName, cursor: string): string | null
}

const MAC_BYTES = 16

/** A cursor is base64url of: HMAC-SHA-256 cut to 128 bits, position. The keys are derived for this purpose alone. */
export function createCursors(secretKeys: readonly [SecretKey, ...SecretKey[]]): Cursors {
  const derive = ({ bytes }: SecretKey) => deriveKey(bytes, 'cursor')
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

function macOf(key: Buffer, list: ListName, position: string): Buffer {
  const mac = createHmac('sha256', key).update(JSON.stringify([list, position]))
  return mac.digest().subarray(0, MAC_BYTES)
}
