import type { GroupFilter } from '../core/groups/group.ts'
import type { Query } from '../ledger/listing.ts'
import { OperatorError } from './problem.ts'

/** The query of `GET /v1/requests`. Lists have commas between their values. */
export interface ListQuery {
  readonly state?: string
  readonly reason?: string
  readonly code?: string
  readonly service?: string
  readonly bank?: string
  readonly since?: string
  readonly until?: string
  readonly olderThan?: string
  readonly reference?: string
  readonly account?: string
  readonly limit?: number
  readonly cursor?: string
}

/** The filters, by which a cursor tells one list from another. */
export const FILTERS = [
  'state',
  'reason',
  'code',
  'service',
  'bank',
  'since',
  'until',
  'olderThan',
  'reference',
  'account'
] as const satisfies readonly (keyof ListQuery)[]

/** Reads the filters of a list. `now` is the instant from which `olderThan` counts back, in ms since 1970. */
export function readFilters(query: ListQuery, now: number): Omit<Query, 'before' | 'limit'> {
  const { reference = null, account = null } = query
  if (reference !== null && account !== null) {
    throw new OperatorError('filter-not-supported', 'reference and account exclude each other', [
      { path: '/reference', rule: 'filter', message: 'must not come together with account' }
    ])
  }
  return {
    groups: groupsOf(query),
    since: instantOf('since', query.since),
    until: earlier(instantOf('until', query.until), before(now, query.olderThan)),
    reference,
    account
  }
}

function groupsOf({ state, reason, code, service, bank }: ListQuery): GroupFilter {
  const values = (list: string | undefined) => list?.split(',') ?? null
  return {
    state: values(state),
    reason: values(reason),
    code: values(code),
    service: values(service),
    bank: values(bank)
  }
}

/** Reads an instant of a query, which the pattern of its parameter admits; null where it is absent. */
export function instantOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const instant = Date.parse(text)
  if (!Number.isNaN(instant)) return instant
  const message = 'must be an instant that exists'
  throw new OperatorError('invalid-input', message, [
    { path: `/${name}`, rule: 'instant', message }
  ])
}

const UNITS = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000]
])

/** The instant so long before another one, for an age such as `4h`; null where it is absent. */
export function before(now: number, age: string | undefined): number | null {
  if (age === undefined) return null
  return now - Number(age.slice(0, -1)) * (UNITS.get(age.slice(-1)) ?? 0)
}

/** The earlier of two bounds. */
export function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}
