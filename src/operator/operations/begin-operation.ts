import type { Notification } from '../../core/notification.ts'
import {
  operationOfNotification,
  selectionOfNotification
} from '../../core/operations/of-notification.ts'
import { type Lane, newCanary, newLane, type Operation } from '../../core/operations/operation.ts'
import { settle } from '../../core/operations/steer.ts'
import { carryOn, type CarryOnDeps, type OperatedPart } from '../../ledger/operations/carry-on.ts'
import { LEASE_MS, type Operations } from '../../ledger/operations/operations.ts'
import type { Notifications } from '../../ledger/releases/notifications.ts'
import { type CountedSelection, countSelection } from './count-selection.ts'
import { sum } from '../../core/sum.ts'

export interface BeginDeps {
  readonly operations: Pick<Operations, 'create' | 'change'>
  readonly parts: readonly (OperatedPart & {
    readonly notifications: Pick<Notifications, 'record' | 'begun'>
  })[]
  readonly find: CarryOnDeps['find']
  readonly judge: CarryOnDeps['judge']
}

/** An operation before it has begun. */
export type Ordered = Omit<Operation, 'lanes' | 'canaries' | 'startedAt' | 'endedAt' | 'state'> & {
  readonly canary: 'bank' | 'none'
}

/** Begins an operation on what was counted. A worker carries it on. */
export async function beginOperation(
  deps: Pick<BeginDeps, 'operations'>,
  { canary, ...ordered }: Ordered,
  counted: CountedSelection
): Promise<Operation> {
  const startedAt = Math.max(...counted.parts.map(({ at }) => at))
  const lanes = canary === 'bank' ? lanesByBank(counted) : lanesByPart(counted)
  const banks = new Set(lanes.flatMap(({ bank }) => bank ?? []))
  const canaries = [...banks].map((bank) => newCanary(bank))
  const begun = { ...ordered, lanes, canaries, startedAt, endedAt: null, state: 'running' } as const
  const operation = settle(begun, startedAt)
  await deps.operations.create(operation, 0)
  return operation
}

function lanesByBank({ parts }: CountedSelection): readonly Lane[] {
  return parts.flatMap(({ part, at, banks }) =>
    [...banks].map(([bank, { requests }]) => newLane({ bank, part, at, matched: requests }))
  )
}

function lanesByPart({ parts }: CountedSelection): readonly Lane[] {
  return parts
    .map(({ part, at, banks }) => {
      const matched = sum([...banks.values()].map(({ requests }) => requests))
      return newLane({ bank: null, part, at, matched })
    })
    .filter(({ matched }) => matched > 0)
}

/** Up to so many are released within the call: what it answers is then done. */
const FEW = 100

/** Counts what a notification concerns. What has used up its POSTs does not count. */
export async function countNotified(
  { parts }: Pick<BeginDeps, 'parts'>,
  notification: Omit<Notification, 'at'>
): Promise<number> {
  const { matched, notAllowed } = await counted({ parts }, notification)
  return matched - (notAllowed ?? 0)
}

function counted({ parts }: Pick<BeginDeps, 'parts'>, asked: Omit<Notification, 'at'>) {
  const selection = selectionOfNotification(asked)
  return countSelection(parts, { action: 'release', selection, early: false })
}

/**
 * Records a notification in all parts of the ledger, and begins the operation that releases what it concerns. What is
 * parked later was not parked for a failure before it. Returns how many match.
 */
export async function beginNotification(
  deps: BeginDeps,
  id: string,
  asked: Omit<Notification, 'at'>
): Promise<number> {
  const { parts, matched: all, notAllowed } = await counted(deps, asked)
  // All parts record it before any request is released. After a crash from here on a sweep makes the operation.
  const recorded = await Promise.all(
    deps.parts.map(async ({ notifications }) => ({
      notifications,
      releasing: await notifications.record(asked)
    }))
  )
  const lanes = recorded.map(({ releasing: { notification } }, part) => {
    const { at } = notification
    const banks = [...(parts[part]?.banks.values() ?? [])]
    return newLane({ bank: null, part, at, matched: sum(banks.map(({ requests }) => requests)) })
  })
  const now = Math.max(...lanes.map(({ at }) => at))
  const operation = operationOfNotification(id, { ...asked, at: now }, lanes)
  const isFew = all <= FEW
  const releases = recorded.map(({ releasing }) => releasing)
  await deps.operations.create(operation, isFew ? LEASE_MS : 0, releases)
  // The part that has the operation knows already.
  if (recorded.length > 1) {
    await Promise.all(
      recorded.map(({ notifications, releasing }) => notifications.begun(releasing))
    )
  }
  if (isFew) await carryOn(deps, { operation, now }, 0)
  return all - (notAllowed ?? 0)
}
