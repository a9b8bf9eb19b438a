import { sum } from '../sum.ts'
import type { CanaryNews } from './canary.ts'
import { type Canary, isHeld, isOver, type Operation } from './operation.ts'
import { withoutCanary } from './progress.ts'

/** The operation with the news of a canary; unchanged if the canary is another one by now. */
export function hear(operation: Operation, requestId: string, news: CanaryNews): Operation {
  if (news.type === 'open') return operation
  const canaries = operation.canaries.map((canary) => {
    if (canary.requestId !== requestId || canary.verdict !== null) return canary
    if (news.type === 'another') return withoutCanary(canary)
    const because = news.type === 'held' ? news.because : null
    return { ...canary, verdict: news.type, because }
  })
  return { ...operation, canaries }
}

/** The operation, ended if nothing is left that it may do. */
export function settle(operation: Operation, now: number): Operation {
  const { state, lanes, limit } = operation
  if (operation.endedAt !== null) return operation
  if (state === 'stopping') {
    const isStill = lanes.every(
      ({ paceUntil, pending }) => paceUntil <= now && pending.length === 0
    )
    return isStill ? { ...operation, state: 'stopped', endedAt: now } : operation
  }
  const done = sum(lanes.map((lane) => lane.done))
  const isFull = limit !== null && done >= limit
  const isIdle = lanes.every(
    (lane) => isOver(lane) || (lane.pending.length === 0 && (isFull || isHeld(operation, lane)))
  )
  return isIdle ? { ...operation, state: 'done', endedAt: now } : operation
}

/** The operation, told to begin nothing more; unchanged if it has ended. */
export function stop(operation: Operation): Operation {
  return operation.state === 'running' ? { ...operation, state: 'stopping' } : operation
}

/** Which of the held members go on. */
export interface Which {
  readonly bank?: string
  readonly credentials?: string
  readonly all?: boolean
}

/** The operation in which some held members may go on; unchanged if none of these is held. */
export function continueHeld(operation: Operation, { bank, credentials, all }: Which): Operation {
  if (operation.state !== 'running' && operation.state !== 'done') return operation
  const isMeant = (canary: Canary) =>
    canary.verdict === 'held' &&
    (all === true ||
      (credentials === undefined
        ? canary.credentials === null && canary.bank === bank
        : canary.credentials === credentials))
  if (!operation.canaries.some(isMeant)) return operation
  const meant = operation.canaries.filter(isMeant)
  // Members with held credentials were passed over, so they are looked at again.
  const isReread = meant.some((canary) => canary.credentials !== null)
  const lanes = isReread
    ? operation.lanes.map((lane) => ({ ...lane, behind: null, isRead: false }))
    : operation.lanes
  const canaries = operation.canaries.map((canary) =>
    isMeant(canary) ? { ...canary, verdict: 'goes' as const, passedOver: 0 } : canary
  )
  return { ...operation, lanes, canaries, state: 'running', endedAt: null }
}
