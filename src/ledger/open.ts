import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { SecretKey } from '../core/secret-key.ts'
import { watchCapacity } from './capacity.ts'
import { createCatalog } from './catalog.ts'
import { createIdempotency } from './idempotency.ts'
import { createLedger } from './ledger.ts'
import { createNotifications } from './notifications.ts'
import { createQuarantine } from './quarantine.ts'
import { createSealer } from './seal.ts'
import { openStore, partitionTag } from './store.ts'

export interface LedgerSettings {
  readonly queuePrefix: string
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  readonly ledgerRetentionMs: number
}

/** Opens every part of the ledger on one connection. There is one partition so far, `{<prefix>:0}`. */
export function openLedger(redis: Redis, settings: LedgerSettings) {
  const { queuePrefix, secretKeys, ledgerRetentionMs } = settings
  const store = openStore(redis, createSealer(secretKeys), partitionTag(queuePrefix, 0))
  return {
    tag: store.tag,
    ledger: createLedger(store),
    catalog: createCatalog(store),
    quarantine: createQuarantine(store),
    notifications: createNotifications(store),
    idempotency: createIdempotency(store, ledgerRetentionMs),
    watchCapacity: (log: Logger) => watchCapacity(redis, log)
  }
}
