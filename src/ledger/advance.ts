import { applyCallbacks } from '../core/transitions/on-callback.ts'
import type { DecisionContext } from '../core/decide.ts'
import type { Policy } from '../core/policy.ts'
import { isUnpublished, markPublished } from '../core/result-head.ts'
import type { Request } from '../core/request.ts'
import { ThreadEnded } from '../core/fatal-body.ts'
import type { Entry } from './load.ts'
import type { Ledger, StoredBody } from './ledger.ts'

/** A pure step: the request as it should be, the same object where nothing is to be changed. */
export type Step = (request: Request, context: DecisionContext) => Request

/** Where the jobs live that a request's state asks for. */
export interface Jobs {
  /** Sees to it that the jobs of `after` exist, and those that only `before` needed don't. */
  ensure(before: Request | null, after: Request, now: number): Promise<void>
  /** Has a request looked at at once whose instant has passed, or whose turn has come. */
  promote(request: Request, now: number): Promise<void>
  /**
   * Puts the one result of an ended request on the downstream queue; again is as good as once. False where it is not
   * there yet: `open` says that it is set aside, or it is left to a worker.
   */
  publish(request: Request, open: () => Promise<StoredBody | 'set-aside' | null>): Promise<boolean>
}

export interface AdvanceDeps {
  readonly ledger: Ledger
  readonly jobs: Jobs
  readonly policy: Policy
  readonly callbackTimeoutMs: number
  /** When the service's own authorization for Khipu expires, where that can be read. */
  readonly authorizationExpiresAt: number | null
  readonly random: () => number
}

/** What a step led to: the request before it, with its callbacks applied, and after it. */
export interface Advanced {
  readonly before: Request
  readonly after: Request
  /** Redis's clock when the request was loaded. */
  readonly now: number
}

/**
 * The four steps of every handler: load, decide (pure), commit, ensure the jobs. What was received
 * meanwhile is applied first, so a callback in hand beats a deadline, a retry and a cancellation.
 * A lost compare-and-set starts again from the record that won. A commit may name requests that waited for this
 * one: they are promoted. `sealed` takes the place of the input. Null where there is no such request.
 */
export async function advance(
  deps: AdvanceDeps,
  requestId: string,
  step: Step,
  sealed?: Uint8Array
): Promise<Advanced | null> {
  for (;;) {
    const entry = await deps.ledger.load(requestId)
    if (entry === null) return null
    const context = aroundOf(deps, entry)
    const { request: before, kept } = applyCallbacks(entry.request, entry.pending, context)
    const after = step(before, context)
    const { now } = entry
    if (after === entry.request && entry.pending.length === 0) {
      await ensure(deps, null, after, now)
      return { before, after, now }
    }
    const change = { request: after, kept, sealed: after === before ? undefined : sealed }
    const { done, next } = await deps.ledger.commit(entry, change)
    if (!done) continue
    await ensure(deps, entry.request, after, now)
    for (const request of next) await deps.jobs.promote(request, now)
    return { before, after, now }
  }
}

function aroundOf(deps: AdvanceDeps, entry: Entry): DecisionContext {
  const { policy, callbackTimeoutMs, authorizationExpiresAt, random } = deps
  const { now, notifications, busyUntil, refused, probeUntil, keptAttempt } = entry
  return {
    policy,
    now,
    random: random(),
    notifications,
    callbackTimeoutMs,
    authorizationExpiresAt,
    busyUntil,
    refused,
    probeUntil,
    keptAttempt
  }
}

async function ensure(
  deps: AdvanceDeps,
  before: Request | null,
  after: Request,
  now: number
): Promise<void> {
  await deps.jobs.ensure(before, after, now)
  if (!isUnpublished(after)) return
  if (!(await publish(deps, after))) return
  const { requestId } = after
  await advance(deps, requestId, (request, { now: at }) => markPublished(request, at))
}

/** Publishes as one try. That is counted when its turn has come, for those that wait take nobody down. */
async function publish({ ledger, jobs }: AdvanceDeps, request: Request): Promise<boolean> {
  const { requestId, response } = request
  const open = async () => {
    if (response === null) return null
    if (!(await ledger.beginTry(requestId))) return 'set-aside'
    return ledger.storedBody(requestId, response.body)
  }
  try {
    const isPublished = await jobs.publish(request, open)
    await ledger.endTry(requestId, 'done')
    return isPublished
  } catch (error) {
    const how = error instanceof ThreadEnded ? 'took-down' : 'failed'
    // Where Redis is away as well, this process goes on with the same try.
    await ledger.endTry(requestId, how).catch(() => {})
    throw error
  }
}
