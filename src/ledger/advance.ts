import { applyCallbacks, type Callback } from '../core/transitions/on-callback.ts'
import type { DecisionContext } from '../core/decide.ts'
import type { Lane } from '../core/lane.ts'
import type { Policy } from '../core/policy.ts'
import { isUnpublished, markPublished } from '../core/result-head.ts'
import type { Request } from '../core/request.ts'
import { ThreadEnded } from '../core/thread-ended.ts'
import { earliestNow } from '../redis/clock-reading.ts'
import type { Replicas } from '../redis/replicas.ts'
import type { Entry } from './load.ts'
import type { Ledger } from './ledger.ts'
import type { NotHere } from './publication-tries.ts'
import type { StoredBody } from './stored-body.ts'

/**
 * A pure step: the request as it should be, or the same object if nothing changes. `entry` is what the decision starts
 * from, before the received callbacks.
 */
export type Step = (request: Request, context: DecisionContext, entry: Entry) => Request

/** The jobs that the state of a request requires. */
export interface Jobs {
  /** Ensures that the jobs of a request exist. */
  ensure(request: Request, now: number): Promise<void>
  /** Runs the jobs of a request now if it is overdue, or next in line for its account or its bank credentials. */
  promote(request: Request, now: number): Promise<void>
  /**
   * Puts the result of an ended request on the downstream queue; idempotent. False if it is not there yet: `open`
   * reports that it is set aside, or a worker will publish it.
   */
  publish(
    request: Request,
    open: (lane: Lane) => Promise<StoredBody | NotHere | null>
  ): Promise<boolean>
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

type AdvancedLedger = Pick<Ledger, 'load' | 'commit' | 'beginPublication' | 'endTry'>

/** The request before and after a step, both with the received callbacks applied. */
export interface Advanced {
  readonly before: Request
  readonly after: Request
  /** Redis's clock when the step was decided. */
  readonly now: number
  /** The received callbacks that were applied before the step. */
  readonly applied: readonly Callback[]
  /** The entry as it is now. */
  readonly entry: Entry
}

export interface AdvanceOptions {
  /** Replaces the stored input. */
  readonly sealed?: Uint8Array | undefined
  /** Whether the step needs the encrypted input. */
  readonly withInput?: boolean
  /** The entry as this handler has just written it: the first try begins with it instead of a load. */
  readonly from?: Entry
}

/**
 * Takes a request through the four steps of every handler: load, decide (pure), commit, ensure the jobs. Then it
 * publishes the result of an ended request. Null if the request does not exist.
 */
export type Advance = (
  requestId: string,
  step: Step,
  options?: AdvanceOptions
) => Promise<Advanced | null>

/** `isLeft` tells of a result which another handler is about to publish. */
export function createAdvance(
  deps: AdvanceDeps,
  isLeft: (advanced: Advanced) => boolean = () => false
): Advance {
  return async (requestId, step, options = {}) => {
    const advanced = await apply(deps, requestId, step, options)
    if (advanced === null || !isUnpublished(advanced.after) || isLeft(advanced)) return advanced
    if (await publish(deps, advanced.after)) {
      await apply(deps, requestId, recordPublication, { from: advanced.entry })
    }
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
  { sealed, withInput = false, from }: AdvanceOptions
): Promise<Advanced | null> {
  let entry = from ?? (await deps.ledger.load(requestId, { withInput }))
  while (entry !== null) {
    const context = contextOf(deps, entry)
    const { now } = context
    const { request: before, kept } = applyCallbacks(entry.request, entry.pending, context)
    const after = step(before, context, entry)
    if (after === entry.request && entry.pending.length === 0) {
      await deps.jobs.ensure(after, now)
      return { before, after, now, applied: [], entry }
    }
    const change = { request: after, kept, sealed: after === before ? undefined : sealed }
    const committed = await deps.ledger.commit(entry, change)
    if (committed.done) {
      await deps.jobs.ensure(after, now)
      for (const request of committed.next) await deps.jobs.promote(request, now)
      return { before, after, now, applied: entry.pending, entry: committed.entry }
    }
    entry = await deps.ledger.load(requestId, { withInput })
  }
  return null
}

function contextOf(deps: AdvanceDeps, entry: Entry): DecisionContext {
  const { policy, callbackTimeoutMs, authorizationExpiresAt, random } = deps
  const { clock, notifications, busyUntil, refused, probeUntil, keptAttempt } = entry
  return {
    policy,
    now: earliestNow(clock),
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
  const open = async (lane: Lane) =>
    response === null ? null : ledger.beginPublication(requestId, response.body, lane)
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

/**
 * Waits for the replicas before a result counts as published and its body is deleted. Otherwise a new primary could
 * have the mark without the result.
 */
export function publishSafely<J extends Pick<Jobs, 'publish'>>(jobs: J, replicas: Replicas): J {
  return {
    ...jobs,
    publish: (request, open) => replicas.reached(() => jobs.publish(request, open))
  }
}
