import { applyCallbacks } from '../core/transitions/on-callback.ts'
import type { DecisionContext } from '../core/decide.ts'
import type { Policy } from '../core/policy.ts'
import { isUnpublished, markPublished } from '../core/result-head.ts'
import type { Request } from '../core/request.ts'
import { ThreadEnded } from '../core/thread-ended.ts'
import type { Entry } from './load.ts'
import type { Ledger, StoredBody } from './ledger.ts'

/** A pure step: the request as it should be, or the same object if nothing changes. */
export type Step = (request: Request, context: DecisionContext) => Request

/** The jobs that the state of a request requires. */
export interface Jobs {
  /** Ensures that the jobs of `after` exist, and removes those that only `before` required. */
  ensure(before: Request | null, after: Request, now: number): Promise<void>
  /** Runs the jobs of a request now if it is overdue, or next in line for its account or its bank credentials. */
  promote(request: Request, now: number): Promise<void>
  /**
   * Puts the result of an ended request on the downstream queue; idempotent. False if it is not there yet: `open`
   * reports that it is set aside, or a worker will publish it.
   */
  publish(request: Request, open: () => Promise<StoredBody | 'set-aside' | null>): Promise<boolean>
}

export interface AdvanceDeps {
  readonly ledger: AdvancedLedger
  readonly jobs: Jobs
  readonly policy: Policy
  readonly callbackTimeoutMs: number
  /** When the service's own authorization for Khipu expires, if its expiry can be read. */
  readonly authorizationExpiresAt: number | null
  readonly random: () => number
}

type AdvancedLedger = Pick<Ledger, 'load' | 'commit' | 'storedBody' | 'beginTry' | 'endTry'>

/** The request before and after a step, both with the received callbacks applied. */
export interface Advanced {
  readonly before: Request
  readonly after: Request
  /** Redis's clock when the request was loaded. */
  readonly now: number
}

/**
 * Takes a request through the four steps of every handler: load, decide (pure), commit, ensure the jobs. Then it
 * publishes the result of an ended request. `sealed` replaces the stored input. Null if the request does not exist.
 */
export type Advance = (
  requestId: string,
  step: Step,
  sealed?: Uint8Array
) => Promise<Advanced | null>

export function createAdvance(deps: AdvanceDeps): Advance {
  return async (requestId, step, sealed) => {
    const advanced = await apply(deps, requestId, step, sealed)
    if (advanced === null || !isUnpublished(advanced.after)) return advanced
    if (await publish(deps, advanced.after)) await apply(deps, requestId, recordPublication)
    return advanced
  }
}

const recordPublication: Step = (request, { now }) => markPublished(request, now)

/**
 * Applies the received callbacks and then the step, so a stored callback wins over a deadline, a retry and a
 * cancellation. A lost compare-and-set starts again from the record that won. A commit may return requests that waited
 * for this one: their jobs are promoted.
 */
async function apply(
  deps: AdvanceDeps,
  requestId: string,
  step: Step,
  sealed?: Uint8Array
): Promise<Advanced | null> {
  for (;;) {
    const entry = await deps.ledger.load(requestId)
    if (entry === null) return null
    const context = contextOf(deps, entry)
    const { request: before, kept } = applyCallbacks(entry.request, entry.pending, context)
    const after = step(before, context)
    const { now } = entry
    if (after === entry.request && entry.pending.length === 0) {
      await deps.jobs.ensure(null, after, now)
      return { before, after, now }
    }
    const change = { request: after, kept, sealed: after === before ? undefined : sealed }
    const { done, next } = await deps.ledger.commit(entry, change)
    if (!done) continue
    await deps.jobs.ensure(entry.request, after, now)
    for (const request of next) await deps.jobs.promote(request, now)
    return { before, after, now }
  }
}

function contextOf(deps: AdvanceDeps, entry: Entry): DecisionContext {
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

/** Publishes as one try. It is counted when the publication starts: a waiting one cannot end the process. */
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
    // If Redis is unreachable as well, this process continues with the same try.
    await ledger.endTry(requestId, how).catch(() => {})
    throw error
  }
}
