import { newsOf } from '../../core/operations/canary.ts'
import { actOn, fateOf, isDoneBy, isOnEntries } from '../../core/operations/members.ts'
import { isOver, type Lane, type Operation } from '../../core/operations/operation.ts'
import { begin, type Outcome, record, roomIn } from '../../core/operations/progress.ts'
import { hear, settle } from '../../core/operations/steer.ts'
import type { Policy } from '../../core/policy.ts'
import type { Request } from '../../core/request.ts'
import type { Advance } from '../advance.ts'
import { type Choice, type ChooseDeps, chooseEntries, chooseMembers } from './choose-members.ts'
import type { Claimed, Operations } from './operations.ts'
import type { EntryPages } from './entry-pages.ts'
import type { Selections } from './selections.ts'

/** One part of the ledger, as operations change its requests. */
export interface OperatedPart {
  readonly advance: Advance
  readonly selections: Selections
  readonly entries: EntryPages
  readonly pace: { readonly takePlaces: ChooseDeps['takePlaces'] }
  readonly policy: Policy
}

/** What an operation did with a member. `passed`: it had left the selection. */
export type MemberFate = 'done' | 'refused' | 'passed'

export interface CarryOnDeps {
  readonly operations: Pick<Operations, 'change'>
  readonly parts: readonly OperatedPart[]
  readonly find: (requestId: string) => Promise<Request | null>
  /** Accepts or discards an entry of the quarantine. Idempotent. */
  readonly judge: (operation: Operation, quarantineId: string) => Promise<MemberFate>
}

/** How soon a worker looks again at an operation that waits for a canary, or for the pace. */
const LOOK_AGAIN_MS = 1_000

/**
 * Carries an operation on for so long, one page of each lane at least. What begins is written down first, so another
 * process can go on after a crash at any point.
 */
export async function carryOn(
  deps: CarryOnDeps,
  claimed: Claimed,
  forMs: number
): Promise<Operation> {
  const startedAt = performance.now()
  const now = () => Math.floor(claimed.now + performance.now() - startedAt)
  let operation = claimed.operation
  let hasMoved: boolean
  do {
    const before = operation
    operation = await hearCanaries(deps, operation)
    for (const { bank, part } of operation.lanes) {
      const lane = operation.lanes.find((one) => one.bank === bank && one.part === part)
      if (lane !== undefined) operation = await carryLane(deps, operation, lane, now())
    }
    hasMoved = operation !== before
  } while (hasMoved && performance.now() - startedAt < forMs)
  const settled = await deps.operations.change(operation.id, (one) => settle(one, now()), {
    afterMs: hasMoved ? 0 : LOOK_AGAIN_MS
  })
  return settled ?? operation
}

async function hearCanaries(deps: CarryOnDeps, operation: Operation): Promise<Operation> {
  let next = operation
  for (const canary of operation.canaries) {
    const { requestId, verdict } = canary
    if (requestId === null || verdict !== null || isPending(next, requestId)) continue
    const news = newsOf(canary, await deps.find(requestId), operation.id)
    if (news.type === 'open') continue
    next = (await deps.operations.change(next.id, (one) => hear(one, requestId, news))) ?? next
  }
  return next
}

function isPending({ lanes }: Operation, requestId: string): boolean {
  return lanes.some(({ pending }) => pending.includes(requestId))
}

async function carryLane(
  deps: CarryOnDeps,
  operation: Operation,
  lane: Lane,
  now: number
): Promise<Operation> {
  const part = deps.parts[lane.part]
  if (part === undefined || isOver(lane)) return operation
  // A process that died has left these behind, or they could not be changed.
  if (lane.pending.length > 0) return changeMembers(deps, operation, lane, new Map())
  const room = roomIn(operation, lane, now)
  if (room === 0) return operation
  const { look, dues } = await chooseFrom(deps, part, operation, lane, { room, now })
  if (look.behind === lane.behind && !look.isRead) return operation
  const begun = await deps.operations.change(operation.id, (one) => begin(one, lane, look))
  const own = begun?.lanes.find((one) => one.bank === lane.bank && one.part === lane.part)
  if (begun === null || own === undefined) return operation
  return own.pending.length === 0 ? begun : changeMembers(deps, begun, own, dues)
}

async function chooseFrom(
  { parts }: CarryOnDeps,
  { selections, entries, pace, policy }: OperatedPart,
  operation: Operation,
  lane: Lane,
  now: { readonly room: number; readonly now: number }
): Promise<Choice> {
  const { selection } = operation
  if (isOnEntries(operation)) {
    return chooseEntries(await entries.page(selection, lane.at, lane.behind), lane, now.room)
  }
  const page = await selections.page(selection, lane.bank, lane.behind)
  const choosing = { takePlaces: pace.takePlaces, policy, parts: parts.length }
  return chooseMembers(choosing, operation, lane, page, now)
}

/** Changes the members that have begun, side by side, and records what became of each. */
async function changeMembers(
  deps: CarryOnDeps,
  operation: Operation,
  lane: Lane,
  dues: ReadonlyMap<string, number>
): Promise<Operation> {
  const fates = await Promise.all(
    lane.pending.map((id) =>
      changeMember(deps, operation, lane, id, dues.get(id)).catch(() => 'failed' as const)
    )
  )
  const of = (fate: (typeof fates)[number]) => lane.pending.filter((_, at) => fates[at] === fate)
  const outcome: Outcome = { done: of('done'), refused: of('refused'), failed: of('failed') }
  const change = (one: Operation) => record(one, lane, outcome)
  const options = { items: isOnEntries(operation) ? [] : outcome.done }
  return (await deps.operations.change(operation.id, change, options)) ?? operation
}

async function changeMember(
  deps: CarryOnDeps,
  operation: Operation,
  lane: Lane,
  requestId: string,
  dueAt: number | undefined
): Promise<MemberFate> {
  if (isOnEntries(operation)) return deps.judge(operation, requestId)
  const part = deps.parts[lane.part]
  if (part === undefined) return 'passed'
  const changed = await part.advance(requestId, (request, { now, policy }) =>
    actOn(operation, lane, request, { at: dueAt ?? now, now, policy })
  )
  if (changed === null) return 'passed'
  if (isDoneBy(operation.id, changed.after)) return 'done'
  return fateOf(operation, lane, changed.before, part.policy) === 'refused' ? 'refused' : 'passed'
}
