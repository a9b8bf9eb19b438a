import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyRequest } from 'fastify'
import type { Cursors, ListName } from '../crypto/signed-cursor.ts'
import { violationsOf } from '../schemas/faults.ts'
import type { Fault } from '../schemas/generated.ts'
import { parseJson, parseJsonExactly } from '../schemas/json.ts'
import { check, type SchemaName, schemas } from '../schemas/validate.ts'
import { OperatorError } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The bytes of a JSON body; null where there is none. */
    bodyBytes: Buffer | null
  }
}

/** Reads what an operator sends as strictly as a callback. */
export function readJson(
  request: FastifyRequest,
  body: Buffer,
  done: (error: Error | null, value?: unknown) => void
): void {
  const { routeOptions } = request
  // A call without a body may well say that it would be JSON.
  const needed = routeOptions.schema?.body !== undefined && !routeOptions.config.bodyMayBeAbsent
  if (body.length === 0 && !needed) return done(null, undefined)
  const parsed = parseJson(body)
  request.bodyBytes = body
  if (parsed.ok) return done(null, parsed.value)
  done(new OperatorError('invalid-json', 'the body is not JSON', [{ path: '', ...parsed.fault }]))
}

/**
 * The body of a call that its schema has passed, for what is to travel on: JSON.stringify gives every number back
 * with the digits that came in.
 */
export function exactBody<Body>({ bodyBytes }: FastifyRequest<{ Body: Body }>): Body {
  return parseJsonExactly(bodyBytes ?? Buffer.from('null')) as Body
}

/** What breaks the schema of its route. */
function invalidInput(faults: readonly Fault[]): OperatorError {
  return new OperatorError('invalid-input', INVALID, faults)
}

const INVALID = 'the input breaks its schema'

/** Checks a body against the file of schemas/ that its route names. */
export function checkBody({ $ref = '' }: { $ref?: string }) {
  const [name] = [...schemas].find(([, { $id }]) => $ref === `${String($id)}#`) ?? []
  return (value: unknown) => {
    const checked = check(name as SchemaName, value, { list: 'all', unknownKeys: 'named' })
    return checked.valid ? { value: checked.value } : { error: invalidInput(checked.faults) }
  }
}

/** The position that a list goes on from, null for its begin. An invented cursor must not read as the first page. */
export function readCursor(
  cursors: Cursors,
  list: ListName,
  cursor: string | undefined
): string | null {
  if (cursor === undefined) return null
  const position = cursors.read(list, cursor)
  if (position !== null) return position
  const message = 'must be the nextCursor of a page of this list, with the same filters'
  throw new OperatorError('unknown-cursor', INVALID, [{ path: '/cursor', rule: 'cursor', message }])
}

// The schemas are our own, and tests hold them to the meta-schema: to compile that is a good part of a start.
const queries = new Ajv2020({ allErrors: true, coerceTypes: true, validateSchema: false })

/** Checks a query, which is all text: numbers in it have to be read. Bodies are never coerced. */
export function checkQuery(schema: object) {
  const validate = queries.compile(schema)
  return (value: unknown) =>
    validate(value)
      ? { value }
      : { error: invalidInput(violationsOf(validate.errors ?? [], 'named')) }
}
