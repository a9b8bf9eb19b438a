import { type SchemaName, schemas } from '../schemas/validate.ts'

/** A reference to a file in schemas/, for routes and OpenAPI. */
export function ref(name: SchemaName): { $ref: string } {
  return { $ref: `${String(schemas.get(name)?.['$id'])}#` }
}

/** The response schemas of a route: a document, or a problem. */
export function answers(status: 200 | 202, name: SchemaName) {
  return { response: { [status]: ref(name), '4xx': ref('problem'), '5xx': ref('problem') } }
}

export const LIMIT = {
  type: 'integer',
  minimum: 1,
  maximum: 200,
  description: 'How many at most; 50 where it is not said'
} as const

export const CURSOR = {
  type: 'string',
  description: 'nextCursor of the page before, of the same list'
} as const
