import type { Test } from 'tap'
import type { SecretKey } from '../../../src/core/secret-key.ts'
import type { Request } from '../../../src/core/request.ts'
import { openService, type Service } from '../../helpers/service.ts'
import { type StoredKey, writeKeys } from './keys.ts'

/** A ledger as one version of the service has left it, to be read by all that come after. */
export interface Stored {
  readonly version: string
  /** By what each was: a state, or more than that. */
  readonly requests: Readonly<Record<string, Request>>
  readonly keys: readonly StoredKey[]
}

/** What everything in a stored ledger is sealed with. It has never sealed anything else. */
const KEY: SecretKey = { kid: 'stored', bytes: Buffer.alloc(32, 'stored') }

/** What is in every stored ledger. */
export const WITHIN = {
  account: '000011887755',
  reference: 'stored-reference',
  idempotencyKey: 'stored-idempotency-key',
  notJson: Buffer.from('{"Status":')
}

/** A service that reads and writes with that key, and has these keys in its ledger. */
export async function openStored(t: Test, keys: readonly StoredKey[] = []): Promise<Service> {
  const service = await openService(t, { secretKeys: [KEY] })
  await writeKeys(service.redis, service.tag, keys)
  return service
}
