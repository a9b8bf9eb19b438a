import { v7 as uuidv7 } from 'uuid'
import { placeOf } from '../core/placement.ts'
import type { Policy } from '../core/policy.ts'
import type { SecretKey } from '../core/secret-key.ts'
import { createAccounts } from '../crypto/account-hash.ts'
import { createCatalog } from './queries.ts'
import { createCursors } from '../crypto/signed-cursor.ts'
import { createAuditLog } from './events/audit-log.ts'
import { createEventLog } from './events/event-log.ts'
import { createGroups } from './groups.ts'
import { createIdempotency } from './idempotency.ts'
import { createLedger } from './ledger.ts'
import { createNotifications } from './releases/notifications.ts'
import { createOperations } from './operations/operations.ts'
import { createEntryPages } from './operations/entry-pages.ts'
import { createSelections } from './operations/selections.ts'
import { createQuarantine, type QuarantineBounds, shareOf } from './quarantine/quarantine.ts'
import { createReEncryption } from './re-encrypt.ts'
import { createCipher } from '../crypto/encrypt.ts'
import type { Connection } from '../redis/connect.ts'
import { hashTag } from './keys.ts'
import { openStore } from './store.ts'

export interface LedgerSettings {
  readonly queuePrefix: string
  readonly secretKeys: readonly [SecretKey, ...SecretKey[]]
  readonly ledgerRetentionMs: number
  readonly quarantine: QuarantineBounds
  /** Whether requests of the same account are sent one at a time. */
  readonly singleFlight: boolean
  readonly policy: Policy
  /** Whether changes are events of `GET /v1/events`; not if absent. */
  readonly events?: boolean
  /** How long it is kept who changed or saw what; for ever if absent. */
  readonly auditRetentionMs?: number
}

/** The index of a partition and the number of partitions. */
export interface Place {
  readonly index: number
  readonly count: number
}

/**
 * Opens all parts of one ledger partition, `{<prefix>:<index>}`. Limits for the whole ledger are divided by the count.
 */
export function openLedger(
  redis: Connection,
  settings: LedgerSettings,
  { index, count }: Place = { index: 0, count: 1 }
) {
  const { queuePrefix, secretKeys, ledgerRetentionMs, singleFlight, policy } = settings
  const tag = hashTag(queuePrefix, index)
  const store = openStore(redis, createCipher(secretKeys), tag, settings.events ?? false)
  const bounds = shareOut(settings.quarantine, count)
  const catalog = createCatalog(store)
  const quarantine = createQuarantine(store, bounds)
  return {
    tag: store.tag,
    ledger: createLedger(store, {
      singleFlight,
      refusedMs: policy.parkedMaxMs.credentials,
      share: shareOf(bounds)
    }),
    catalog,
    accounts: createAccounts(secretKeys),
    cursors: createCursors(secretKeys),
    quarantine,
    notifications: createNotifications(store, index, () => newOperationId({ index, count })),
    operations: createOperations(store),
    entries: createEntryPages(store, quarantine),
    selections: createSelections(store, { index, count }),
    groups: createGroups(store),
    events: createEventLog(store),
    audit: createAuditLog(store, settings.auditRetentionMs ?? Infinity),
    idempotency: createIdempotency(store, ledgerRetentionMs),
    agreeOnCount: async () => store.scripts.agreeOnCount(count),
    openResealing: () => createReEncryption(store, catalog, secretKeys[0].kid)
  }
}

/** An id for an operation, in this partition. */
function newOperationId({ index, count }: Place): string {
  for (;;) {
    const id = `op_${uuidv7()}`
    if (placeOf(id, count) === index) return id
  }
}

function shareOut(bounds: QuarantineBounds, count: number): QuarantineBounds {
  const { mostEntries, mostBytes } = bounds
  return {
    ...bounds,
    mostEntries: Math.ceil(mostEntries / count),
    mostBytes: Math.ceil(mostBytes / count)
  }
}
