import { STATES } from '../core/request.ts'
import { type SchemaName, schemas } from '../schemas/validate.ts'

/** A reference to a file of schemas/, for routes and for OpenAPI. */
export function ref(name: SchemaName): { $ref: string } {
  return { $ref: `${String(schemas.get(name)?.['$id'])}#` }
}

/** What a route answers: a document, or a problem. */
export function answers(status: 200 | 202, name: SchemaName) {
  return { response: { [status]: ref(name), '4xx': ref('problem'), '5xx': ref('problem') } }
}

const LIMIT = {
  type: 'integer',
  minimum: 1,
  maximum: 200,
  description: 'How many at most; 50 where it is not said'
} as const

/** The query of the list of requests. */
export const LIST_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    state: { type: 'string', enum: STATES, description: 'Only those in this state' },
    service: { type: 'string', description: 'Only those of this service' },
    reference: { type: 'string', description: 'Only those with this reference' },
    account: { type: 'string', description: "Only those about this account, by its view's id" },
    limit: LIMIT,
    cursor: { type: 'string', description: 'nextCursor of the page before' }
  }
} as const

/** The query of a list that is paged by position. */
export const PAGE_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: LIMIT,
    cursor: {
      type: 'string',
      pattern: '^[0-9]{1,9}$',
      description: 'nextCursor of the page before'
    }
  }
} as const
