import { applyCallbacks, type Callback } from '../core/transitions/on-callback.ts'
import type { DecisionContext } from '../core/decide.ts'
import type { CommittedChange } from '../core/measures/measure-change.ts'
import type { Policy } from '../core/policy.ts'
import { isUnpublished, type Lane, markPublished } from '../core/result-head.ts'
import type { Request } from '../core/request.ts'
import { ThreadEnded } from '../core/thread-ended.ts'
import { earliestNow } from '../redis/clock-reading.ts'
import type { Replicas } from '../redis/replicas.ts'
import type { Entry } from './load.ts'
import type { Ledger } from './ledger.ts'
import type { Publishing } from './stored-body.ts'

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
  publish(request: Request, open: (lane: Lane) => Promise<Publishing>): Promise<boolean>
}

export interface AdvanceDeps {
  readonly ledger: AdvancedLedger
  readonly jobs: Jobs
  readonly policy: Policy
  readonly callbackTimeoutMs: number
  /** When the service's own authorization for Khipu expires, if its expiry can be read. */
  readonly authorizationExpiresAt: number | null
  readonly random: () => number
  /** Reports each change once it is committed. */
  readonly changed: (change: CommittedChange) => void
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

export interface PublicationSettings {
  /** Tells of a result which another handler is about to publish. */
  readonly isLeft?: (ended: Pick<Advanced, 'after' | 'applied'>) => boolean
  /** False if this process publishes no result with an envelope. */
  readonly withBodies?: boolean
}

export function createAdvance(
  deps: AdvanceDeps,
  { isLeft = () => false, withBodies = true }: PublicationSettings = {}
): Advance {
  const isPublishedHere = (ended: Pick<Advanced, 'after' | 'applied'>) =>
    isUnpublished(ended.after) && !isLeft(ended)
  const begins = withBodies ? isPublishedHere : () => false
  return async (requestId, step, options = {}) => {
    const found = await apply(deps, requestId, step, options, begins)
    if (found === null) return null
    const { publishing, ...advanced } = found
    if (isPublishedHere(advanced) && (await publish(deps, advanced.after, publishing))) {
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
  { sealed, withInput = false, from }: AdvanceOptions,
  begins: NonNullable<PublicationSettings['isLeft']> = () => false
): Promise<(Advanced & { readonly publishing?: Publishing | undefined }) | null> {
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
    const applied = entry.pending
    const change = {
      request: after,
      kept,
      sealed: after === before ? undefined : sealed,
      publishes: begins({ after, applied })
    }
    const committed = await deps.ledger.commit(entry, change)
    if (committed.done) {
      deps.changed({ before: entry.request, after, kept })
      await deps.jobs.ensure(after, now)
      for (const request of committed.next) await deps.jobs.promote(request, now)
      const { entry: committedEntry, publishing } = committed
      return { before, after, now, applied, entry: committedEntry, publishing }
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

/** Publishes as one try. It is counted before the work begins, if not with the commit that ended the request. */
async function publish(
  { ledger, jobs }: AdvanceDeps,
  request: Request,
  begun?: Publishing
): Promise<boolean> {
  const { requestId, response } = request
  const open = async (lane: Lane) => {
    if (response === null) return null
    if (lane === 'small' && begun !== undefined) return begun
    return ledger.beginPublication(requestId, response.body, lane)
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
