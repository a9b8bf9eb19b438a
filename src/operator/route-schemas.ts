import { STATES } from '../core/request.ts'
import { type SchemaName, schemas } from '../schemas/validate.ts'

/** A reference to a file in schemas/, for routes and OpenAPI. */
export function ref(name: SchemaName): { $ref: string } {
  return { $ref: `${String(schemas.get(name)?.['$id'])}#` }
}

/** The response schemas of a route: a document, or a problem. */
export function answers(status: 200 | 202, name: SchemaName) {
  return { response: { [status]: ref(name), '4xx': ref('problem'), '5xx': ref('problem') } }
}

const LIMIT = {
  type: 'integer',
  minimum: 1,
  maximum: 200,
  description: 'How many at most; 50 where it is not said'
} as const

const CURSOR = {
  type: 'string',
  description: 'nextCursor of the page before, of the same list with the same filters'
} as const

/** The query parameters of the list of requests. */
export const LIST_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    state: { type: 'string', enum: STATES, description: 'Only those in this state' },
    service: { type: 'string', description: 'Only those of this service' },
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

/** The query parameters of a list without filters. */
export const PAGE_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: { limit: LIMIT, cursor: CURSOR }
} as const
