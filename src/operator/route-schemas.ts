import { type SchemaName, schemas } from '../schemas/validate.ts'

/** A reference to a file in schemas/, for routes and OpenAPI. */
export function ref(name: SchemaName): { $ref: string } {
  return { $ref: `${String(schemas.get(name)?.['$id'])}#` }
}

/** The response schema of a route that succeeds. OpenAPI adds its problems. */
export function answers(status: 200 | 202, name: SchemaName) {
  return { response: { [status]: ref(name) } }
}

/** The path parameter of a route with an id. It only describes: an unknown id is 404. */
function byId(description: string, example: string) {
  const id = { type: 'string', description, examples: [example] }
  return { type: 'object', properties: { id } } as const
}

export const REQUEST_ID = byId('The id of a request', '01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f')
const OPERATION = { type: 'string', description: 'The id of an operation' } as const
export const OPERATION_ID = {
  type: 'object',
  properties: { op: { ...OPERATION, examples: ['op_01938c5e-7a3b-7c1d-9e2f-3a4b5c6d7e8f'] } }
} as const
export const QUARANTINE_ID = byId(
  'The id of a quarantine entry',
  '01938c60-11aa-7b22-8c33-4d5e6f708192'
)

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
