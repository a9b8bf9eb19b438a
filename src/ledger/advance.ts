import { foldCallbacks } from '../core/callbacks.ts'
import type { Around } from '../core/decide.ts'
import type { Policy } from '../core/policy.ts'
import { isUnpublished, markPublished } from '../core/publish.ts'
import type { Request } from '../core/request.ts'
import type { Entry } from './entry.ts'
import type { Ledger } from './ledger.ts'

/** A pure step: the request as it should be, the same object where nothing is to be changed. */
export type Step = (request: Request, around: Around) => Request

/** Where the jobs live that a request's state asks for. */
export interface Jobs {
  /** Sees to it that the jobs of `after` exist, and those that only `before` needed don't. */
  ensure(before: Request | null, after: Request, now: number): Promise<void>
  /** Puts the one result of an ended request on the downstream queue; again is as good as once. */
  publish(request: Request, open: () => Promise<Uint8Array | null>): Promise<void>
}

export interface AdvanceDeps {
  readonly ledger: Ledger
  readonly jobs: Jobs
  readonly policy: Policy
  readonly callbackTimeoutMs: number
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
 * A lost compare-and-set starts again from the record that won. Null where there is no such request.
 */
export async function advance(
  deps: AdvanceDeps,
  requestId: string,
  step: Step
): Promise<Advanced | null> {
  for (;;) {
    const entry = await deps.ledger.load(requestId)
    if (entry === null) return null
    const around = aroundOf(deps, entry)
    const { request: before, kept } = foldCallbacks(entry.request, entry.pending, around)
    const after = step(before, around)
    const unchanged = after === entry.request && entry.pending.length === 0
    if (unchanged || (await deps.ledger.commit(entry, { request: after, kept }))) {
      await ensure(deps, unchanged ? null : entry.request, after, entry.now)
      return { before, after, now: entry.now }
    }
  }
}

function aroundOf(deps: AdvanceDeps, { now, notifications }: Entry): Around {
  const { policy, callbackTimeoutMs, random } = deps
  return { policy, now, random: random(), notifications, callbackTimeoutMs }
}

async function ensure(
  deps: AdvanceDeps,
  before: Request | null,
  after: Request,
  now: number
): Promise<void> {
  await deps.jobs.ensure(before, after, now)
  if (!isUnpublished(after)) return
  const { requestId, response } = after
  const open = async () => response && deps.ledger.openBody(requestId, response.body)
  await deps.jobs.publish(after, open)
  await advance(deps, requestId, (request, { now: at }) => markPublished(request, at))
}
