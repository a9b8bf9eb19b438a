import { sum } from '../sum.ts'
import {
  type Canary,
  canaryOf,
  isHeld,
  isOver,
  type Lane,
  NO_CANARY,
  type Operation
} from './operation.ts'

// An operation changes only by these functions, each applied to the record as it is by then.

/** A member that an operation is about to change: a request, or an entry of the quarantine. */
export interface Chosen {
  readonly id: string
  readonly bank: string
  readonly cause: string | null
  readonly credentials: string | null
}

/** What one look at the members of a lane has found. */
export interface Look {
  readonly taken: readonly Chosen[]
  readonly refused: number
  /** Members passed over because their bank credentials are held, by the hash of the credentials. */
  readonly passedOver: readonly string[]
  /** The place of the last member that was looked at. */
  readonly behind: string | null
  readonly isRead: boolean
  /** The last place in the pace that was taken. */
  readonly paceUntil: number
}

/** A lane is known by its bank and its part, and has not changed since if it still is behind the same member. */
type LaneKey = Pick<Lane, 'bank' | 'part' | 'behind' | 'pending'>

/** Places in the pace are taken for so long, so that a stop acts within this time. */
export const PACE_AHEAD_MS = 5_000

/** How many members a lane may begin now: 0 where it waits. */
export function roomIn(operation: Operation, lane: Lane, now: number): number {
  const { state, limit, lanes } = operation
  if (state !== 'running' || isOver(lane) || isHeld(operation, lane)) return 0
  if (lane.pending.length > 0) return 0
  const canary = canaryOf(operation, lane)
  if (lane.paceUntil > now + PACE_AHEAD_MS / 2) return 0
  const begun = sum(lanes.map(({ done, pending }) => done + pending.length))
  const left = limit === null ? Infinity : limit - begun
  if (canary === undefined || canary.verdict === 'goes') return Math.max(0, left)
  if (canary.requestId !== null) return 0
  const first = lanes.find((one) => one.bank === lane.bank && !isOver(one))
  return first === lane ? Math.min(1, left) : 0
}

/** The operation with the found members begun; unchanged if the lane has gone on meanwhile. */
export function begin(operation: Operation, lane: LaneKey, look: Look): Operation {
  const { taken, refused, passedOver, behind, isRead, paceUntil } = look
  if (operation.state !== 'running') return operation
  return changeLane(operation, lane, (own) => {
    const pending = taken.map(({ id }) => id)
    const counts = { pending, behind, isRead, refused: own.refused + refused }
    const next = { ...own, ...counts, paceUntil: Math.max(own.paceUntil, paceUntil) }
    return { lane: next, canaries: withChosen(operation, own, taken, passedOver) }
  })
}

function withChosen(
  operation: Operation,
  lane: Lane,
  taken: readonly Chosen[],
  passedOver: readonly string[]
): readonly Canary[] {
  const { bank, part } = lane
  const canaries = operation.canaries.map((canary) => {
    const { credentials } = canary
    if (credentials !== null) {
      const more = passedOver.filter((one) => one === credentials).length
      const first = taken.find((one) => one.credentials === credentials)
      const isFree = canary.requestId === null && first !== undefined
      const chosen = isFree ? { requestId: first.id, cause: first.cause, part } : {}
      return { ...canary, ...chosen, passedOver: canary.passedOver + more }
    }
    const [first] = taken
    if (canary.bank !== bank || canary.requestId !== null || first === undefined) return canary
    return { ...canary, requestId: first.id, cause: first.cause, part }
  })
  const known = new Set(canaries.map(({ credentials }) => credentials))
  const added = new Map<string, Canary>()
  for (const { id: requestId, bank: of, cause, credentials } of taken) {
    if (credentials === null || known.has(credentials) || added.has(credentials)) continue
    added.set(credentials, { ...NO_CANARY, bank: of, credentials, part, requestId, cause })
  }
  return [...canaries, ...added.values()]
}

/** What became of the members that had begun. */
export interface Outcome {
  readonly done: readonly string[]
  readonly refused: readonly string[]
  readonly failed: readonly string[]
}

/** After so many tries a member that cannot be changed, for want of a key for example, counts as refused. */
export const MOST_TRIES = 3

/** The operation after its members were changed; unchanged if another process has recorded that. */
export function record(operation: Operation, lane: LaneKey, outcome: Outcome): Operation {
  return changeLane(operation, lane, (own) => {
    const { done, refused, failed } = outcome
    const tries = failed.length === 0 ? 0 : own.tries + 1
    const isGivenUp = tries >= MOST_TRIES
    const left = isGivenUp ? [] : failed
    const gone = new Set(own.pending.filter((id) => !done.includes(id) && !left.includes(id)))
    const next = {
      ...own,
      pending: left,
      tries: isGivenUp ? 0 : tries,
      done: own.done + done.length,
      refused: own.refused + refused.length + (isGivenUp ? failed.length : 0)
    }
    const canaries = operation.canaries.map((canary) =>
      canary.verdict === null && gone.has(canary.requestId ?? '') ? withoutCanary(canary) : canary
    )
    return { lane: next, canaries }
  })
}

/** The canary, with no member chosen. */
export function withoutCanary(canary: Canary): Canary {
  return { ...canary, requestId: null, cause: null }
}

function changeLane(
  operation: Operation,
  { bank, part, behind, pending }: LaneKey,
  change: (lane: Lane) => { lane: Lane; canaries: readonly Canary[] }
): Operation {
  const index = operation.lanes.findIndex((lane) => lane.bank === bank && lane.part === part)
  const lane = operation.lanes[index]
  if (lane === undefined || lane.behind !== behind) return operation
  if (lane.pending.join() !== pending.join()) return operation
  const changed = change(lane)
  return {
    ...operation,
    lanes: operation.lanes.with(index, changed.lane),
    canaries: changed.canaries
  }
}
