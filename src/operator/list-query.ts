import { ENDED, type GroupFilter } from '../core/groups/group.ts'
import type { DueQuery } from '../ledger/indexes/due-list.ts'
import type { Narrow } from '../ledger/indexes/narrow-list.ts'
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
  readonly referencePrefix?: string
  readonly operationId?: string
  readonly account?: string
  /** The id of an operation of this API. */
  readonly operation?: string
  readonly dueAfter?: string
  readonly dueBefore?: string
  readonly sort?: 'newest' | 'due'
  readonly fields?: 'all' | 'summary'
  readonly limit?: number
  readonly cursor?: string
}

/** Each leads to a few requests by an index of its own. */
const NARROW = ['account', 'reference', 'referencePrefix', 'operationId', 'operation'] as const
/** A list by the instant of the next step has no index by these. */
const NOT_BY_DUE = [...NARROW, 'since', 'until', 'olderThan'] as const

/** Whether a list is by the instant of the next step. */
export function isByDue({ sort, dueAfter, dueBefore }: ListQuery): boolean {
  const isBounded = dueAfter !== undefined || dueBefore !== undefined
  return (sort ?? (isBounded ? 'due' : 'newest')) === 'due'
}

/** Reads the filters of a list, newest first. `now` is the instant from which `olderThan` counts back, in ms since 1970. */
export function readFilters(query: ListQuery, now: number): Omit<Query, 'before' | 'limit'> {
  refuse(query, ['dueAfter', 'dueBefore'], 'must not come together with sort=newest')
  return {
    groups: groupsOf(query),
    since: instantOf('since', query.since),
    until: earlier(instantOf('until', query.until), before(now, query.olderThan)),
    narrow: narrowOf(query)
  }
}

/** Reads the filters of a list by the instant of the next step. */
export function readDueFilters(query: ListQuery): Omit<DueQuery, 'behind' | 'limit'> {
  refuse(query, NOT_BY_DUE, 'must not come together with sort=due')
  const groups = groupsOf(query)
  if (groups.state?.some((state) => ENDED.has(state)) === true) {
    throw notSupported('state', 'must be live with sort=due: ended requests have no next step')
  }
  return {
    groups,
    dueAfter: instantOf('dueAfter', query.dueAfter),
    dueBefore: instantOf('dueBefore', query.dueBefore)
  }
}

function narrowOf(query: ListQuery): Narrow | null {
  const [first, second] = NARROW.filter((name) => query[name] !== undefined)
  if (first !== undefined && second !== undefined) {
    throw notSupported(second, `must not come together with ${first}`)
  }
  // What an operation has changed is in a list of its own.
  if (first === undefined || first === 'operation') return null
  return { by: first, value: query[first] ?? '' }
}

function refuse(query: ListQuery, names: readonly (keyof ListQuery)[], message: string): void {
  const given = names.find((name) => query[name] !== undefined)
  if (given !== undefined) throw notSupported(given, message)
}

function notSupported(name: string, message: string): OperatorError {
  return new OperatorError('filter-not-supported', `${name} ${message}`, [
    { path: `/${name}`, rule: 'filter', message }
  ])
}

/** The groups that a query asks for. */
export function groupsOf({ state, reason, code, service, bank }: ListQuery): GroupFilter {
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
  return now - spanMs(age)
}

/** A span such as `30m` or `4h`, in ms. */
export function spanMs(span: string): number {
  return Number(span.slice(0, -1)) * (UNITS.get(span.slice(-1)) ?? 0)
}

/** The earlier of two bounds. */
export function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}
