import { type GroupFilter, groupOf, isAskedFor, readGroup } from '../../core/groups/group.ts'
import { LIVE_STATES, type LiveState, type Request } from '../../core/request.ts'
import { sum } from '../../core/sum.ts'
import { MOST_SCANNED, READ_AT_ONCE } from './narrow-list.ts'
import { readRecord } from '../load.ts'
import type { Store } from '../store.ts'

/** The filter of a list of live requests, by the instant of their next step. Instants are ms since 1970. */
export interface DueQuery {
  readonly groups: GroupFilter
  /** Only steps from this instant on; null for any. */
  readonly dueAfter: number | null
  /** Only steps before this instant; null for any. */
  readonly dueBefore: number | null
  /** The end of the previous page. */
  readonly behind: DuePlace | null
  readonly limit: number
}

/** A place in the order of the list. */
export interface DuePlace {
  readonly instant: number
  readonly requestId: string
}

export interface DuePage {
  readonly items: readonly (DuePlace & { readonly request: Request })[]
  /** The place behind which the next page starts; null on the last page. */
  readonly next: DuePlace | null
  /** Whether the page is short because it has read as many records as it may. */
  readonly partial: boolean
}

/** A page of live requests, those whose next step is due first. Each record is checked. */
export async function listByDue({ scripts }: Store, query: DueQuery): Promise<DuePage> {
  const { groups, limit, dueBefore } = query
  const states = LIVE_STATES.filter((state) => groups.state?.includes(state) ?? true)
  const latest = dueBefore === null ? '+inf' : `(${dueBefore}`
  const items: DuePage['items'][number][] = []
  let behind = query.behind ?? { instant: query.dueAfter ?? 0, requestId: '' }
  for (let scanned = 0; scanned < MOST_SCANNED; scanned += READ_AT_ONCE) {
    const { instant, requestId } = behind
    const reply = await scripts.duePage(instant, requestId, latest, READ_AT_ONCE, ...states)
    for (let at = 0; at < reply.length; at += 3) {
      const [id = '', score, record = ''] = reply.slice(at, at + 3)
      behind = { instant: Number(score), requestId: id }
      // It may have been deleted meanwhile.
      if (record === '') continue
      const request = readRecord(record)
      if (isAskedFor(groups, readGroup(groupOf(request)))) items.push({ ...behind, request })
      if (items.length === limit) return { items, next: behind, partial: false }
    }
    if (reply.length < 3 * READ_AT_ONCE) return { items, next: null, partial: false }
  }
  return { items, next: behind, partial: true }
}

/** How many live requests of each state are due. */
export type DueCounts = Readonly<Record<LiveState, number>>

/** How many live requests are due in each of so many steps; the first one has what is overdue as well. */
export async function countDue(
  { scripts }: Store,
  from: number,
  stepMs: number,
  steps: number
): Promise<readonly DueCounts[]> {
  const counts = await scripts.countDue(from, stepMs, steps, ...LIVE_STATES)
  return Array.from({ length: steps }, (_, step) =>
    countsOf(counts.slice(step * LIVE_STATES.length))
  )
}

/** The counts of all parts of the ledger, which were asked for the same steps. */
export function sumDueCounts(all: readonly (readonly DueCounts[])[]): readonly DueCounts[] {
  return (all[0] ?? []).map((_, step) =>
    countsOf(LIVE_STATES.map((state) => sum(all.map((counts) => counts[step]?.[state] ?? 0))))
  )
}

function countsOf(counts: readonly number[]): DueCounts {
  const named = LIVE_STATES.map((state, index) => [state, counts[index] ?? 0])
  return Object.fromEntries(named) as DueCounts
}
