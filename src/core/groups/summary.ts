import type { Advice } from '../../schemas/generated.ts'
import type { ParkCause } from '../error-cause.ts'
import { readGroup, bankOf, type SizedGroup } from './group.ts'

/** What a group is told apart by, besides its state. */
export type Dimension = 'reason' | 'code' | 'service' | 'bank'
export const DIMENSIONS: readonly Dimension[] = ['reason', 'code', 'service', 'bank']

/** What somebody has to do about requests that are parked for a cause. */
const ADVICE: Readonly<Record<ParkCause, Advice>> = {
  'retry-after-notification': 'wait-then-release',
  'unknown-type': 'ask-then-release',
  unauthorized: 'give-authorization',
  'authorization-expired': 'give-authorization',
  credentials: 'give-credentials',
  quarantined: 'look-at-quarantine',
  'unreadable-answer': 'ask-then-release'
}

/** Requests of one state that are alike; a field by which they are not told apart is null. */
export interface GroupSummary extends Readonly<Record<Dimension, string | null>> {
  readonly state: string
  readonly count: number
  readonly oldestAt: number
  /** Whether they wait for a person. */
  readonly needsSomebody: boolean
  readonly advice: Advice | null
}

/** Sums groups up by these dimensions: those that wait for somebody first, and of each kind the largest first. */
export function summarize(
  groups: readonly SizedGroup[],
  by: readonly Dimension[]
): readonly GroupSummary[] {
  const sums = new Map<string, GroupSummary>()
  for (const group of groups) {
    const part = summaryOf(group, by)
    const { state, reason, code, service, bank } = part
    const name = JSON.stringify([state, reason, code, service, bank])
    const { count = 0, oldestAt = Infinity } = sums.get(name) ?? {}
    const oldest = Math.min(oldestAt, part.oldestAt)
    sums.set(name, { ...part, count: count + part.count, oldestAt: oldest })
  }
  return [...sums.values()].toSorted(
    (one, other) =>
      Number(other.needsSomebody) - Number(one.needsSomebody) || other.count - one.count
  )
}

function summaryOf({ name, count, oldestAt }: SizedGroup, by: readonly Dimension[]): GroupSummary {
  const { state, reason, code, service } = readGroup(name)
  const values = { reason, code, service, bank: bankOf(service) }
  const told = (dimension: Dimension) =>
    by.includes(dimension) && values[dimension] !== '' ? values[dimension] : null
  const needsSomebody = state === 'parked'
  return {
    state,
    reason: told('reason'),
    code: told('code'),
    service: told('service'),
    bank: told('bank'),
    count,
    oldestAt,
    needsSomebody,
    advice: needsSomebody && by.includes('reason') ? adviceOn(reason) : null
  }
}

/** What somebody has to do about a request that is parked for a reason. */
export function adviceOn(reason: string): Advice | null {
  return new Map<string, Advice>(Object.entries(ADVICE)).get(reason) ?? null
}
