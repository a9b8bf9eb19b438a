import {
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual
} from 'node:crypto'
import { parse as parseUuid, stringify as stringifyUuid } from 'uuid'
import type { SecretKey } from '../core/secret-key.ts'
import { deriveKeyObject } from './derive-key.ts'

/** The content of a callback token: it stands for one attempt of one request. */
export interface Capability {
  readonly requestId: string
  readonly attempt: number
}

/** Signs and verifies callback tokens, the unguessable part of each CallbackUrl. */
export interface Capabilities {
  /** The id of the key that signs. */
  readonly keyId: string
  sign(capability: Capability): string
  /** Null unless one of the keys signed exactly this token. Every token takes the same work. */
  verify(token: string): Capability | null
}

const VERSION = 1
const PAYLOAD_BYTES = 19
const MAC_BYTES = 32
const EMPTY = Buffer.alloc(PAYLOAD_BYTES)
/** 51 bytes are exactly 68 base64url characters without spare bits, so each token has only one spelling. */
const TOKEN = /^(?<kid>[A-Za-z0-9_-]{1,16})\.(?<sealed>[A-Za-z0-9_-]{68})$/

/** The URL to which Khipu POSTs the callbacks of an attempt. */
export function callbackUrl(publicUrl: string, token: string): string {
  return `${publicUrl}/callbacks/${token}`
}

/** The length of each CallbackUrl whose token that key signs. */
export function callbackUrlLength(publicUrl: string, kid: string): number {
  return callbackUrl(publicUrl, `${kid}.`).length + ((PAYLOAD_BYTES + MAC_BYTES) / 3) * 4
}

/**
 * A token is `<key id>.<base64url of: version (1 byte), attempt (2), request id (16), HMAC-SHA-256 (32)>`. Its keys are
 * derived for this purpose alone. A forged token is recognized without a look-up in Redis.
 */
export function createCapabilities(secretKeys: readonly [SecretKey, ...SecretKey[]]): Capabilities {
  const keys = new Map(
    secretKeys.map(({ kid, bytes }) => [kid, deriveKeyObject(bytes, 'capability')] as const)
  )
  const [{ kid: firstKid, bytes }] = secretKeys
  const firstKey = deriveKeyObject(bytes, 'capability')
  // A malformed token, or one with an unknown key id, is checked against a decoy. It takes as long as a forged one, so
  // the response time reveals nothing.
  const decoyKey = createSecretKey(randomBytes(32))
  const decoy = randomBytes(PAYLOAD_BYTES + MAC_BYTES).toString('base64url')

  return {
    keyId: firstKid,

    sign({ requestId, attempt }) {
      const payload = Buffer.alloc(PAYLOAD_BYTES)
      payload.writeUInt8(VERSION, 0)
      payload.writeUInt16BE(attempt, 1)
      payload.set(parseUuid(requestId), 3)
      const sealed = Buffer.concat([payload, macOf(firstKey, firstKid, payload)])
      return `${firstKid}.${sealed.toString('base64url')}`
    },

    verify(token) {
      const { kid = '', sealed = decoy } = TOKEN.exec(token)?.groups ?? {}
      const bytes = Buffer.from(sealed, 'base64url')
      const payload = bytes.subarray(0, PAYLOAD_BYTES)
      const mac = macOf(keys.get(kid) ?? decoyKey, kid, payload)
      const isSame = timingSafeEqual(bytes.subarray(PAYLOAD_BYTES), mac)
      const isGenuine = isSame && keys.has(kid) && payload[0] === VERSION
      // A forged token is parsed from zeros, so that it takes the same time as a genuine one.
      const read = isGenuine ? payload : EMPTY
      const capability = { requestId: stringifyUuid(read, 3), attempt: read.readUInt16BE(1) }
      return isGenuine ? capability : null
    }
  }
}

function macOf(key: KeyObject, kid: string, payload: Buffer): Buffer {
  return createHmac('sha256', key).update(`${kid}.`).update(payload).digest()
}
