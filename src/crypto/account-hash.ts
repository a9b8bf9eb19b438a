import { createHmac } from 'node:crypto'
import stringify from 'safe-stable-stringify'
import type { Account } from '../core/request.ts'
import type { SecretKey } from '../core/secret-key.ts'
import type { RequestBody } from '../schemas/generated.ts'
import { deriveKeyObject } from './derive-key.ts'

/**
 * Identifies accounts and bank credentials without storing them: by keyed hashes, and by the last characters of the
 * account number.
 */
export interface Accounts {
  /** Null where the request names no account and has no bank credentials. */
  identify(
    service: string,
    input: Pick<RequestBody, 'RequestData' | 'authorization'>
  ): Account | null
}

const HASH_BYTES = 16
const MOST_SHOWN = 3
/** The last characters of a shorter number would reveal too much of it. */
const SHORTEST_SHOWN = 6

/**
 * The hash is HMAC-SHA-256, cut to 128 bits. Its key is derived for this purpose alone from the first key of
 * SECRET_KEYS.
 *
 * An account is the bank and RequestData.AccountNumber. The bank comes from the service path without its product.
 * Leading zeros, spaces, signs and letter case in the number do not count.
 *
 * The bank credentials are RequestData.AccountCredential, or else the JWT of the request, because Khipu stores the
 * credentials behind that JWT. The service's own authorization does not identify any bank credentials.
 */
export function createAccounts([{ bytes }]: readonly [SecretKey, ...SecretKey[]]): Accounts {
  const key = deriveKeyObject(bytes, 'account')
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

/** Normalizes an account number: `0000-1188 7755` and `11887755` are the same. */
function plain(number: string): string {
  const letters = number.replaceAll(/[^0-9a-z]/gi, '').toUpperCase()
  return letters.slice(letters.search(/[^0]|$/)) || number
}
