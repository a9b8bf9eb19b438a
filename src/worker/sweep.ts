import type { Logger } from 'pino'
import { advance } from '../ledger/advance.ts'
import type { Quarantine } from '../ledger/quarantine.ts'
import { type ReleaseDeps, releaseParked } from '../ledger/release.ts'
import type { RequestJobs } from '../queue/ensure-jobs.ts'

export interface SweepDeps extends ReleaseDeps {
  readonly jobs: RequestJobs
  readonly quarantine: Quarantine
  readonly ledgerRetentionMs: number
  /** How long one sweep heals, in ms; by default ten seconds. */
  readonly healingMs?: number
  readonly log: Logger
}

/** How long something may be overdue before it counts as forgotten rather than as being worked on. */
const GRACE_MS = 5_000
const BATCH = 500
/** How long one sweep heals: where tens of thousands wait for their turn, they are all overdue. */
const HEALING_MS = 10_000
/** How long one sweep releases for one notification: the overdue must not wait for all of them. */
const RELEASING_MS = 10_000

/**
 * Heals whatever a crash or a lost queue left behind: takes the overdue requests through the same four steps
 * as their handlers would, as many as it has time for. The ledger alone says what is overdue. Tidies up as well.
 * Rejects once it is given up.
 */
export async function sweep(deps: SweepDeps, giveUp?: AbortSignal): Promise<void> {
  const now = await deps.catalog.now()
  const enough = performance.now() + (deps.healingMs ?? HEALING_MS)
  for (const requestId of rotated(await deps.catalog.overdue(now - GRACE_MS), now)) {
    giveUp?.throwIfAborted()
    await attempt(deps, { requestId }, () => heal(deps, requestId))
    if (performance.now() >= enough) break
  }
  giveUp?.throwIfAborted()
  await tidy(deps, now)
  // Last of all: many notifications take longer than a sweep may.
  for (const releasing of rotated(await deps.notifications.unfinished(now - GRACE_MS), now)) {
    giveUp?.throwIfAborted()
    const { at } = releasing.notification
    await attempt(deps, { notifiedAt: at }, () => releaseParked(deps, releasing, RELEASING_MS))
  }
}

/** From another one on each time: what one sweep has no time for, a later one begins with. */
function rotated<One>(all: readonly One[], turn: number): readonly One[] {
  const first = all.length === 0 ? 0 : turn % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

/** What can't be healed, say for want of a key, must not keep the rest from being healed. */
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

async function heal(deps: SweepDeps, requestId: string): Promise<void> {
  const advanced = await advance(deps, requestId, (request) => request)
  if (advanced === null) return
  await deps.jobs.promote(advanced.after, advanced.now)
  deps.log.warn({ requestId, state: advanced.after.state }, 'overdue request swept')
}

/** How full the quarantine may get before it is said aloud, at every sweep. */
const NEARLY_FULL = 0.8

async function warnOfFull({ quarantine, log }: SweepDeps): Promise<void> {
  const { filled, evicted } = await quarantine.usage()
  if (filled < NEARLY_FULL) return
  log.warn(
    { filled, evicted },
    'quarantine nearly full: at 1 the oldest body gives way to a new one'
  )
}

async function tidy(deps: SweepDeps, now: number): Promise<void> {
  const oldest = now - deps.ledgerRetentionMs
  const forgotten = await deps.catalog.forgetEndedBefore(oldest, BATCH)
  if (forgotten > 0) deps.log.info({ forgotten }, 'ended requests forgotten')
  await deps.quarantine.tidy(now)
  await warnOfFull(deps)
  await deps.notifications.forgetBefore(oldest)
}
