import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { FastifyRequest } from 'fastify'
import type { Cursors, ListName } from '../crypto/signed-cursor.ts'
import { violationsOf } from '../schemas/faults.ts'
import type { Fault } from '../schemas/generated.ts'
import { parseJson, parseJsonExactly } from '../schemas/json.ts'
import { check, type SchemaName, schemas } from '../schemas/validate.ts'
import { OperatorError } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The bytes of a JSON body; null where the request has none. */
    bodyBytes: Buffer | null
  }
}

/** More values than any RequestData has, and few enough to be read within 50 ms on the event loop. */
const MOST_VALUES = 10_000

/** Parses the JSON body of an operator call as strictly as a callback. */
export function readJson(
  request: FastifyRequest,
  body: Buffer,
  done: (error: Error | null, value?: unknown) => void
): void {
  const { routeOptions } = request
  // A call without a body may still have the content type JSON.
  const needed = routeOptions.schema?.body !== undefined && !routeOptions.config.bodyMayBeAbsent
  if (body.length === 0 && !needed) return done(null, undefined)
  const parsed = parseJson(body, MOST_VALUES)
  request.bodyBytes = body
  if (parsed.ok) return done(null, parsed.value)
  const faults = [{ path: '', ...parsed.fault }]
  const isTooMuch = parsed.fault.rule === 'values'
  done(
    isTooMuch
      ? invalidInput(faults)
      : new OperatorError('invalid-json', 'the body is not JSON', faults)
  )
}

/**
 * The validated body of a call, for data that the service forwards. JSON.stringify writes each number of it with its
 * original digits.
 */
export function exactBody<Body>({ bodyBytes }: FastifyRequest<{ Body: Body }>): Body {
  return parseJsonExactly(bodyBytes ?? Buffer.from('null')) as Body
}

/** The error for an input that violates the schema of its route. */
function invalidInput(faults: readonly Fault[]): OperatorError {
  return new OperatorError('invalid-input', INVALID, faults)
}

const INVALID = 'the input breaks its schema'

/** Makes a validator of bodies, with the file in schemas/ that the route names. */
export function checkBody({ $ref = '' }: { $ref?: string }) {
  const [name] = [...schemas].find(([, { $id }]) => $ref === `${String($id)}#`) ?? []
  return (value: unknown) => {
    const checked = check(name as SchemaName, value, { list: 'all', unknownKeys: 'named' })
    return checked.valid ? { value: checked.value } : { error: invalidInput(checked.faults) }
  }
}

/** The position at which a page continues; null for the first page. An invalid cursor is an error. */
export function readCursor(
  cursors: Cursors,
  list: ListName,
  cursor: string | undefined
): string | null {
  if (cursor === undefined) return null
  const position = cursors.read(list, cursor)
  if (position !== null) return position
  const message = 'must be the nextCursor of a page of this list'
  throw new OperatorError('unknown-cursor', INVALID, [{ path: '/cursor', rule: 'cursor', message }])
}

// The schemas are the service's own, and tests validate them against the meta-schema. To compile the meta-schema would
// take a large part of the start.
const queries = new Ajv2020({ allErrors: true, coerceTypes: true, validateSchema: false })

/** Makes a validator of queries. A query contains only text, so numbers are coerced. Bodies are never coerced. */
export function checkQuery(schema: object) {
  // Compiled at the first call: most routes are never called by most processes.
  let validate: ValidateFunction | undefined
  return (value: unknown) => {
    validate ??= queries.compile(schema)
    return validate(value)
      ? { value }
      : { error: invalidInput(violationsOf(validate.errors ?? [], 'named')) }
  }
}
