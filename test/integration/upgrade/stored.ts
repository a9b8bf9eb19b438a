import type { SecretKey } from '../../../src/core/secret-key.ts'
import type { Request } from '../../../src/core/request.ts'
import type { StoredKey } from './keys.ts'

/** A ledger as one version of the service has left it, to be read by all that come after. */
export interface Stored {
  readonly version: string
  /** By what each was: a state, or more than that. */
  readonly requests: Readonly<Record<string, Request>>
  readonly keys: readonly StoredKey[]
}

/** What everything in a stored ledger is sealed with. It has never sealed anything else. */
export const STORED_KEY: SecretKey = { kid: 'stored', bytes: Buffer.alloc(32, 'stored') }

export const STORED_ACCOUNT = '000011887755'
export const STORED_REFERENCE = 'stored-reference'
export const STORED_IDEMPOTENCY_KEY = 'stored-idempotency-key'
export const STORED_NOT_JSON = Buffer.from('{"Status":')
