import { DIMENSIONS } from '../core/groups/summary.ts'
import { WHY } from '../core/explain/texts.ts'
import { STATES } from '../core/request.ts'
import type { QuarantineKind } from '../schemas/generated.ts'
import { CURSOR, LIMIT } from './route-schemas.ts'

export const listOf = (value: string, description: string) => ({
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
    reason: listOf(Object.keys(WHY).join('|'), 'Only those with this reason'),
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
    referencePrefix: {
      type: 'string',
      minLength: 1,
      description:
        'Only those whose reference begins so. `partial` is true where more than 10,000 references do'
    },
    operationId: {
      type: 'string',
      description: "Only the one that began this operation of Khipu's, with any of its attempts"
    },
    account: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{22}$',
      description: "Only those about this account, by its view's id; never an account number"
    },
    operation: {
      type: 'string',
      pattern: '^op_[0-9a-f-]{36}$',
      description:
        'Only those that this operation has changed. `partial` is true where it has changed more than 10,000'
    },
    sort: {
      type: 'string',
      enum: ['newest', 'due'],
      description:
        'By the time of asking, newest first, or by the instant of the next step, of live requests only. `newest` if absent, or `due` with dueAfter or dueBefore'
    },
    dueAfter: {
      type: 'string',
      pattern: INSTANT,
      description: 'Only those whose next step is due from this instant on'
    },
    dueBefore: {
      type: 'string',
      pattern: INSTANT,
      description: 'Only those whose next step is due before this instant'
    },
    fields: {
      type: 'string',
      enum: ['all', 'summary'],
      description: '`summary` leaves the history out; `all` if absent'
    },
    limit: LIMIT,
    cursor: CURSOR
  }
} as const

/** The query parameters of the summary. */
export const SUMMARY_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    by: listOf(DIMENSIONS.join('|'), 'By what groups are told apart; by all of them if absent'),
    state: LIST_QUERY.properties.state,
    since: LIST_QUERY.properties.since
  }
} as const

/** The query parameters of the list of operations. */
export const OPERATIONS_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    state: listOf('canary|running|stopping|stopped|done', 'Only those in this state'),
    limit: LIMIT,
    cursor: CURSOR
  }
} as const

const KINDS: Readonly<Record<QuarantineKind, true>> = {
  'not-json': true,
  schema: true,
  conflict: true,
  late: true
}

/** The query parameters of the list of quarantine entries. */
export const QUARANTINE_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    kind: listOf(Object.keys(KINDS).join('|'), 'Only those of this kind'),
    requestId: { type: 'string', description: 'Only those of this request' },
    since: { ...LIST_QUERY.properties.since, description: 'Only those kept from this instant on' },
    limit: LIMIT,
    cursor: CURSOR
  }
} as const
