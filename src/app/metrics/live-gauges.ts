import { bankOf, ENDED, readGroup, type SizedGroup } from '../../core/groups/group.ts'
import { boundedTogether, MOST_BANKS } from './bounded-label.ts'
import type { MetricKinds } from './metric-kinds.ts'

/** The gauges of the requests that have not ended. */
export function liveGauges({ stock }: MetricKinds) {
  const live = stock('khipu_requests_live', 'Requests that have not ended', [
    'state',
    'reason',
    'bank'
  ])
  const oldest = stock(
    'khipu_oldest_seconds',
    'How long ago the oldest request in a state was accepted; 0 where there is none',
    ['state']
  )
  return (
    states: Readonly<Record<string, number>>,
    sizes: readonly SizedGroup[] | null,
    now: number
  ): void => {
    // A group that is empty by now must not keep its last value.
    live.reset()
    for (const { count, ...labels } of liveCounts(states, sizes)) live.set(labels, count)
    for (const state of Object.keys(states)) oldest.set({ state }, ageOf(state, sizes ?? [], now))
  }
}

interface LiveCount {
  readonly state: string
  readonly reason: string
  readonly bank: string
  readonly count: number
}

/**
 * How many live requests there are of each state, reason and bank. A state without any is there with 0. While an older
 * ledger is being indexed, the states alone are known.
 */
export function liveCounts(
  states: Readonly<Record<string, number>>,
  sizes: readonly SizedGroup[] | null
): readonly LiveCount[] {
  const groups = (sizes ?? []).map(({ name, count }) => ({ ...readGroup(name), count }))
  const ongoing = groups.filter(({ state }) => !ENDED.has(state))
  const bounded = boundedTogether(
    MOST_BANKS,
    ongoing.map(({ service }) => bankOf(service))
  )
  const counts = new Map<string, LiveCount>()
  for (const { state, reason, service, count } of ongoing) {
    const bank = bounded(bankOf(service))
    const name = JSON.stringify([state, reason, bank])
    counts.set(name, { state, reason, bank, count: count + (counts.get(name)?.count ?? 0) })
  }
  const found = new Set(ongoing.map(({ state }) => state))
  const others = Object.entries(states).filter(([state]) => !found.has(state))
  return [
    ...counts.values(),
    ...others.map(([state, count]) => ({
      state,
      reason: '',
      bank: '',
      count: sizes === null ? count : 0
    }))
  ]
}

function ageOf(state: string, sizes: readonly SizedGroup[], now: number): number {
  const instants = sizes.flatMap(({ name, oldestAt }) =>
    readGroup(name).state === state ? [oldestAt] : []
  )
  return instants.length === 0 ? 0 : Math.max(0, now - Math.min(...instants)) / 1000
}
