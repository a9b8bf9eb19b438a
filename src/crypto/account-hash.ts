import { createHmac } from 'node:crypto'
import stringify from 'safe-stable-stringify'
import type { Account } from '../core/request.ts'
import type { SecretKey } from '../core/secret-key.ts'
import type { RequestBody } from '../schemas/generated.ts'
import { deriveKey } from './encrypt.ts'

/** Tells accounts and log-ons apart without keeping them: by keyed hashes, and the last characters of a number. */
export interface Accounts {
  /** Null where the request names no account and brings no log-on. */
  identify(
    service: string,
    input: Pick<RequestBody, 'RequestData' | 'authorization'>
  ): Account | null
}

const HASH_BYTES = 16
const MOST_SHOWN = 3
/** A shorter number would be given away by its end. */
const SHORTEST_SHOWN = 6

/**
 * HMAC-SHA-256 under a key derived for this purpose alone from the first of SECRET_KEYS, cut to 128 bits.
 * The account is the bank (of the service, whatever the product) and RequestData.AccountNumber, however many
 * zeros or signs are written with it. The log-on is RequestData.AccountCredential, or else the JWT
 * that the request brings, behind which Khipu has it; the service's own authorization says nothing of it.
 */
export function createAccounts([{ bytes }]: readonly [SecretKey, ...SecretKey[]]): Accounts {
  const key = deriveKey(bytes, 'account')
  const hash = (...parts: readonly unknown[]) => {
    const mac = createHmac('sha256', key).update(stringify(parts))
    return mac.digest().subarray(0, HASH_BYTES).toString('base64url')
  }
  return {
    identify(service, { RequestData, authorization }) {
      const { AccountNumber: number, AccountCredential } = RequestData
      const logon = AccountCredential ?? authorization?.jwt
      const bank = service.split('/').slice(0, 4).join('/')
      const credentials = logon === undefined ? null : hash('credentials', bank, logon)
      if (number === undefined) {
        const id = credentials && hash('account', bank, credentials)
        return id === null ? null : { id, credentials, endsWith: '' }
      }
      const endsWith = number.length < SHORTEST_SHOWN ? '' : number.slice(-MOST_SHOWN)
      return { id: hash('account', bank, plain(number)), credentials, endsWith }
    }
  }
}

/** A number without what is written in one way here and in another there: `0000-1188 7755`, `11887755`. */
function plain(number: string): string {
  const letters = number.replaceAll(/[^0-9a-z]/gi, '').toUpperCase()
  return letters.slice(letters.search(/[^0]|$/)) || number
}
