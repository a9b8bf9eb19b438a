import type { Logger } from 'pino'
import type { Advance } from '../ledger/advance.ts'
import type { Groups } from '../ledger/groups.ts'
import type { Notifications } from '../ledger/releases/notifications.ts'
import type { Quarantine } from '../ledger/quarantine/quarantine.ts'
import type { Catalog } from '../ledger/queries.ts'
import type { RequestJobs } from '../queue/ensure-jobs.ts'

export interface SweepDeps {
  readonly advance: Advance
  readonly catalog: Catalog
  readonly notifications: Pick<Notifications, 'unfinished' | 'adopt' | 'forgetBefore'>
  readonly quarantine: Pick<Quarantine, 'tidy' | 'usage'>
  readonly groups: Pick<Groups, 'heal' | 'counts'>
  readonly jobs: Pick<RequestJobs, 'promote'>
  readonly ledgerRetentionMs: number
  /** How long one sweep recovers requests, in ms; by default ten seconds. */
  readonly healingMs?: number
  /** Counts what was taken up. */
  readonly recovered: (what: 'request' | 'notification') => void
  /** Counts the corrected entries of an index. */
  readonly strays: (count: number) => void
  readonly log: Logger
}

/** How long a request may be overdue before it counts as forgotten instead of being processed. */
const GRACE_MS = 5_000
const BATCH = 500
/** How long one sweep recovers requests. If tens of thousands wait for their account, all of them are overdue. */
const RECOVERY_MS = 10_000
/** From so many groups on, lists and summaries take noticeably longer. A service that exists has some twenty. */
const MANY_GROUPS = 2_000

/**
 * Recovers the requests that a crash or a lost queue left behind. It takes the overdue requests through the same four
 * steps as their handlers, as many as the time allows. The ledger alone determines what is overdue. It also deletes
 * expired data. Rejects after an abort.
 */
export async function sweep(deps: SweepDeps, giveUp?: AbortSignal): Promise<void> {
  const now = await deps.catalog.now()
  const end = performance.now() + (deps.healingMs ?? RECOVERY_MS)
  for (const requestId of rotated(await deps.catalog.overdue(now - GRACE_MS), now)) {
    giveUp?.throwIfAborted()
    await attempt(deps, { requestId }, () => recover(deps, requestId))
    if (performance.now() >= end) break
  }
  giveUp?.throwIfAborted()
  await tidy(deps, now)
  await healGroups(deps)
  for (const releasing of await deps.notifications.unfinished(now - GRACE_MS)) {
    giveUp?.throwIfAborted()
    const { at } = releasing.notification
    await attempt(deps, { notifiedAt: at }, async () => {
      if (await deps.notifications.adopt(releasing)) deps.recovered('notification')
    })
  }
}

/**
 * Starts at a different element each time. A later sweep begins with the requests that an earlier one had no time for.
 */
function rotated<One>(all: readonly One[], turn: number): readonly One[] {
  const first = all.length === 0 ? 0 : turn % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

/** A request that cannot be recovered, for want of a key for example, must not block the others. */
async function attempt(
  { log }: SweepDeps,
  what: Record<string, unknown>,
  task: () => Promise<unknown>
): Promise<void> {
  try {
    await task()
  } catch (error) {
    log.error({ ...what, error: error instanceof Error ? error.name : 'unknown' }, 'not healed')
  }
}

async function recover(deps: SweepDeps, requestId: string): Promise<void> {
  const advanced = await deps.advance(requestId, (request) => request)
  if (advanced === null) return
  await deps.jobs.promote(advanced.after, advanced.now)
  deps.recovered('request')
  deps.log.warn({ requestId, state: advanced.after.state }, 'overdue request swept')
}

/** The fill level of the quarantine from which every sweep logs a warning. */
const NEARLY_FULL = 0.8

async function warnIfNearlyFull({ quarantine, log }: SweepDeps): Promise<void> {
  const { filled, evicted } = await quarantine.usage()
  if (filled < NEARLY_FULL) return
  log.warn(
    { filled, evicted },
    'quarantine nearly full: at 1 the oldest body gives way to a new one'
  )
}

async function healGroups({ groups, strays, log }: SweepDeps): Promise<void> {
  const corrected = await groups.heal()
  strays(corrected)
  if (corrected > 0) log.warn({ corrected }, 'requests put into their groups')
  const count = (await groups.counts())?.size ?? 0
  if (count > MANY_GROUPS) log.warn({ groups: count }, 'too many groups of requests')
}

async function tidy(deps: SweepDeps, now: number): Promise<void> {
  const oldest = now - deps.ledgerRetentionMs
  const forgotten = await deps.catalog.forgetEndedBefore(oldest, BATCH)
  if (forgotten > 0) deps.log.info({ forgotten }, 'ended requests forgotten')
  await deps.quarantine.tidy(now)
  await warnIfNearlyFull(deps)
  await deps.notifications.forgetBefore(oldest)
}
