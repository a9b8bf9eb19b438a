import { setTimeout as pause } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import { holderOf, idBeside } from '../core/placement.ts'
import type { Account } from '../core/request.ts'
import { sumDueCounts } from './indexes/due-list.ts'
import { mergeFlows } from './indexes/flow.ts'
import { sum } from '../core/sum.ts'
import { mergeDuePages, mergePages, mergeSizes, sumTotals } from './merge.ts'
import type { Lookup } from './queries.ts'
import type { Idempotency } from './idempotency.ts'
import type { Ledger } from './ledger.ts'
import { joinOperations } from './operations/join-operations.ts'
import type { Operations } from './operations/operations.ts'
import type { Quarantine, Usage } from './quarantine/quarantine.ts'
import { compare } from './quarantine/quarantine-page.ts'

/** One partition of the ledger. It does not know the others. */
export interface Partition {
  readonly ledger: Ledger
  readonly catalog: Lookup
  readonly quarantine: Quarantine
  readonly idempotency: Idempotency
  readonly operations: Operations
}

export interface Joined extends Partition {
  /** An id for a new request, in the partition of its account. */
  newRequestId(account: Account | null): string
}

/** All partitions behind the interface of one. A call with a request id goes to the partition that holds it. */
export function joinPartitions(partitions: readonly [Partition, ...Partition[]]): Joined {
  return {
    newRequestId: (account) => idBeside(account?.id ?? null, partitions.length, uuidv7),
    ledger: joinLedgers((id) => holderOf(partitions, id).ledger),
    catalog: joinCatalogs(
      partitions.map(({ catalog }) => catalog),
      (id) => holderOf(partitions, id).catalog
    ),
    quarantine: joinQuarantines(
      partitions.map(({ quarantine }) => quarantine),
      (id) => holderOf(partitions, id).quarantine
    ),
    idempotency: {
      reserve: (caller, key, reservation) =>
        holderOf(partitions, JSON.stringify([caller, key])).idempotency.reserve(
          caller,
          key,
          reservation
        )
    },
    operations: joinOperations(
      partitions.map(({ operations }) => operations),
      (id) => holderOf(partitions, id).operations
    )
  }
}

function joinLedgers(of: (requestId: string) => Ledger): Ledger {
  return {
    create: (request, ...more) => of(request.requestId).create(request, ...more),
    has: (id) => of(id).has(id),
    load: (id, options) => of(id).load(id, options),
    commit: (entry, change) => of(entry.request.requestId).commit(entry, change),
    receive: (id, callback, body, options) => of(id).receive(id, callback, body, options),
    beginTry: (id, callbackId, lane) => of(id).beginTry(id, callbackId, lane),
    endTry: (id, how) => of(id).endTry(id, how),
    isSetAside: (id) => of(id).isSetAside(id),
    takeUp: (id) => of(id).takeUp(id),
    seal: (id, input) => of(id).seal(id, input),
    openInput: (id) => of(id).openInput(id),
    inputOf: (entry) => of(entry.request.requestId).inputOf(entry),
    beginPublication: (id, callbackId, lane) => of(id).beginPublication(id, callbackId, lane),
    openBody: (id, callbackId) => of(id).openBody(id, callbackId)
  }
}

function joinCatalogs(all: readonly Lookup[], of: (requestId: string) => Lookup): Lookup {
  return {
    // On a Cluster each partition has its own clock. The operators of the machines must synchronize the clocks.
    now: async (id) =>
      id === undefined ? Math.max(...(await ask(all, (one) => one.now()))) : of(id).now(),
    recentNow: (id) => of(id).recentNow(id),
    tryWrite: async () => void (await ask(all, (one) => one.tryWrite())),
    find: (id) => of(id).find(id),
    list: async (query) => mergePages(await ask(all, (one) => one.list(query)), query.limit),
    listByDue: async (query) =>
      mergeDuePages(await ask(all, (one) => one.listByDue(query)), query.limit),
    countDue: async (...asked) => sumDueCounts(await ask(all, (one) => one.countDue(...asked))),
    flow: async (...asked) => mergeFlows(await ask(all, (one) => one.flow(...asked))),
    ahead: (id) => of(id).ahead(id),
    indexed: async () => Math.min(...(await ask(all, (one) => one.indexed()))),
    sizes: async (since) => mergeSizes(await ask(all, (one) => one.sizes(since))),
    totals: async () => sumTotals(await ask(all, (one) => one.totals())),
    overdueMs: async () => Math.max(...(await ask(all, (one) => one.overdueMs())))
  }
}

/** The id of an entry does not reveal its partition, so all partitions are asked. */
function joinQuarantines(
  all: readonly Quarantine[],
  of: (requestId: string) => Quarantine
): Quarantine {
  return {
    keep: (from, ...kept) => of(from.requestId).keep(from, ...kept),
    find: async (id) =>
      (await ask(all, (one) => one.find(id))).find((kept) => kept !== null) ?? null,
    stored: (kept) => of(kept.requestId).stored(kept),
    open: (kept) => of(kept.requestId).open(kept),
    async list(behind, limit, filter) {
      const kept = await ask(all, (one) => one.list(behind, limit, filter))
      return kept.flat().toSorted(compare).slice(0, limit)
    },
    usage: async () => joinUsage(await ask(all, (one) => one.usage())),
    claimLate: (kept) => of(kept.requestId).claimLate(kept),
    settleLate: (kept) => of(kept.requestId).settleLate(kept),
    discard: async (id) => (await ask(all, (one) => one.discard(id))).includes(true),
    tidy: async (now) => void (await ask(all, (one) => one.tidy(now)))
  }
}

/** The fill level is that of the fullest partition, which evicts its oldest entry first. */
function joinUsage(usages: readonly Usage[]): Usage {
  return {
    entries: sum(usages.map(({ entries }) => entries)),
    bytes: sum(usages.map(({ bytes }) => bytes)),
    evicted: sum(usages.map(({ evicted }) => evicted)),
    filled: Math.max(...usages.map(({ filled }) => filled))
  }
}

function ask<One, Answer>(all: readonly One[], one: (of: One) => Promise<Answer>) {
  return Promise.all(all.map(one))
}

/** The configured number of partitions, and a query for the ledger's own number. */
export interface PartitionCheck {
  readonly count: number
  /** Resolves with the ledger's number of partitions; rejects while Redis is unreachable. */
  agreeOnCount(): Promise<number>
}

const ASK_AGAIN_AFTER_MS = 50

/** Resolves if the ledger has the configured number of partitions; throws if it has another. */
export async function checkPartitions({ count, agreeOnCount }: PartitionCheck): Promise<void> {
  const stored = await agreeOnCount()
  if (stored !== count) throw new PartitionsDiffer(count, stored)
}

/** The same check, repeated until Redis answers. */
export async function awaitPartitionCheck(check: PartitionCheck): Promise<void> {
  for (;;) {
    const error = await checkPartitions(check).then(
      () => null,
      (reason: unknown) => reason
    )
    if (error === null) return
    if (error instanceof PartitionsDiffer) throw error
    await pause(ASK_AGAIN_AFTER_MS, undefined, { ref: false })
  }
}

/** With another number the service would look for requests in the wrong partitions. */
export class PartitionsDiffer extends Error {
  override readonly name = 'PartitionsDiffer'
  constructor(configured: number, stored: number) {
    super(
      `PARTITIONS is ${configured}, but the ledger under this QUEUE_PREFIX has ${stored}: set PARTITIONS=${stored}. For another number begin a new ledger, under another QUEUE_PREFIX, once all requests of this one have ended`
    )
  }
}
