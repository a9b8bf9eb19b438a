import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { Policy } from '../core/policy.ts'
import type { SecretKey } from '../core/secret-key.ts'
import { createAccounts } from './accounts.ts'
import { watchCapacity } from './capacity.ts'
import { createCatalog } from './catalog.ts'
import { createIdempotency } from './idempotency.ts'
import { createLedger } from './ledger.ts'
import { createNotifications } from './notifications.ts'
import { createQuarantine, type QuarantineBounds, shareOf } from './quarantine.ts'
import { createResealing } from './reseal.ts'
import { createSealer } from './seal.ts'
import { openStore, partitionTag } from './store.ts'

export interface LedgerSettings {
  readonly queuePrefix: string
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  readonly ledgerRetentionMs: number
  readonly quarantine: QuarantineBounds
  /** Whether the requests of an account take turns. */
  readonly singleFlight: boolean
  readonly policy: Policy
}

/** Opens every part of the ledger on one connection. There is one partition so far, `{<prefix>:0}`. */
export function openLedger(redis: Redis, settings: LedgerSettings) {
  const { queuePrefix, secretKeys, ledgerRetentionMs, singleFlight, policy } = settings
  const store = openStore(redis, createSealer(secretKeys), partitionTag(queuePrefix, 0))
  const catalog = createCatalog(store)
  return {
    tag: store.tag,
    ledger: createLedger(store, {
      singleFlight,
      refusedMs: policy.parkedMaxMs.credentials,
      share: shareOf(settings.quarantine)
    }),
    catalog,
    accounts: createAccounts(secretKeys),
    quarantine: createQuarantine(store, settings.quarantine),
    notifications: createNotifications(store),
    idempotency: createIdempotency(store, ledgerRetentionMs),
    openResealing: () => createResealing(store, catalog, secretKeys[0].kid),
    watchCapacity: (log: Logger) => watchCapacity(redis, log)
  }
}
