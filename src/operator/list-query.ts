import type { GroupFilter } from '../core/group.ts'
import { type Reason, STATES } from '../core/request.ts'
import type { Query } from '../ledger/listing.ts'
import { OperatorError } from './problem.ts'
import { CURSOR, LIMIT } from './route-schemas.ts'

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

const REASONS: Readonly<Record<Reason, true>> = {
  'account-busy': true,
  ambiguous: true,
  'authorization-expired': true,
  cancelled: true,
  credentials: true,
  'do-not-retry': true,
  expired: true,
  'logon-probe': true,
  'no-callback': true,
  'parked-too-long': true,
  quarantined: true,
  'refused-logon': true,
  rejected: true,
  'retries-exhausted': true,
  'retry-after-notification': true,
  'retry-immediately': true,
  temporary: true,
  unauthorized: true,
  'unknown-type': true,
  'unreadable-answer': true,
  'wait-4-hours': true
}

const listOf = (value: string, description: string) => ({
  type: 'string',
  pattern: `^(?:${value})(?:,(?:${value}))*$`,
  maxLength: 1000,
  description: `${description}; several with commas between them`
})

const INSTANT = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,3})?(?:Z|[+-]\\d{2}:\\d{2})$'

/** The query parameters of the list of requests. */
export const LIST_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    state: listOf(STATES.join('|'), 'Only those in this state'),
    reason: listOf(Object.keys(REASONS).join('|'), 'Only those with this reason'),
    code: listOf(
      '[A-Z]\\d{3}|other',
      "Only those that wait, are parked or have failed with this code of Khipu's, e.g. E201. `other` is any other code"
    ),
    service: listOf('[a-z0-9./-]+', 'Only those of this service'),
    bank: listOf('[a-z0-9.-]+', 'Only those of this bank, the fourth part of the service'),
    since: {
      type: 'string',
      pattern: INSTANT,
      description: 'Only those asked for from this instant on, as in RFC 3339'
    },
    until: {
      type: 'string',
      pattern: INSTANT,
      description: 'Only those asked for before this instant'
    },
    olderThan: {
      type: 'string',
      pattern: '^\\d{1,5}[smhd]$',
      description: 'Only those asked for longer ago than this, e.g. 30m, 4h or 2d'
    },
    reference: { type: 'string', description: 'Only those with this reference' },
    account: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{22}$',
      description: "Only those about this account, by its view's id; never an account number"
    },
    limit: LIMIT,
    cursor: CURSOR
  }
} as const

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

function instantOf(name: string, text: string | undefined): number | null {
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

function before(now: number, age: string | undefined): number | null {
  if (age === undefined) return null
  return now - Number(age.slice(0, -1)) * (UNITS.get(age.slice(-1)) ?? 0)
}

function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}
