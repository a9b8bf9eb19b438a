import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020, type AnySchemaObject, type ErrorObject } from 'ajv/dist/2020.js'
import { violationsOf, type Naming } from './faults.ts'
import type { Fault, SchemaTypes } from './generated.ts'
import { hasFewValues } from './few-values.ts'

export type { Fault }
export type SchemaName = keyof SchemaTypes

export type Checked<T> =
  { readonly valid: true; readonly value: T } | { readonly valid: false; readonly faults: Fault[] }

export interface CheckOptions {
  /** `all` lists up to 20 violations, but only the first one if the value is large. */
  readonly list?: 'first' | 'all'
  /** `named` includes the names of unknown keys: for our own callers, never for data from Khipu. */
  readonly unknownKeys?: Naming
}

/** The files of schemas/, by name without `.json`. */
export const schemas: ReadonlyMap<SchemaName, AnySchemaObject> = readSchemas()

const toFirstFault = openSchemas({ allErrors: false })
let toAllFaults: Ajv2020 | undefined

/** Checks a value against a schema. Never changes the value, and never quotes it in the violations. */
export function check<N extends SchemaName>(
  name: N,
  value: unknown,
  { list = 'first', unknownKeys = 'unnamed' }: CheckOptions = {}
): Checked<SchemaTypes[N]> {
  const first = errorsOf(toFirstFault, name, value)
  if (first.length === 0) return { valid: true, value: value as SchemaTypes[N] }
  if (list === 'first' || !hasFewValues(value))
    return { valid: false, faults: violationsOf(first, unknownKeys) }
  toAllFaults ??= openSchemas({ allErrors: true })
  return { valid: false, faults: violationsOf(errorsOf(toAllFaults, name, value), unknownKeys) }
}

function readSchemas(): Map<SchemaName, AnySchemaObject> {
  const folder = new URL('schemas/', import.meta.resolve('#package.json'))
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return new Map(
    files.map((file) => [
      file.replace(/\.json$/, '') as SchemaName,
      JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as AnySchemaObject
    ])
  )
}

/** A schema is compiled at its first use: to compile all of them takes a fifth of a process's start. */
function openSchemas({ allErrors }: { allErrors: boolean }): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors,
    allowUnionTypes: true,
    coerceTypes: false,
    removeAdditional: false,
    strict: true,
    strictRequired: false, // A `then` may require what its parent describes.
    useDefaults: false,
    validateFormats: false, // `format` only describes; a pattern enforces.
    validateSchema: false // A test checks the files against the meta-schema; to compile that takes long at each start.
  })
  return ajv.addSchema([...schemas.values()])
}

function errorsOf(ajv: Ajv2020, name: SchemaName, value: unknown): ErrorObject[] {
  const validate = ajv.getSchema(String(schemas.get(name)?.$id))
  if (validate === undefined) throw new Error(`There is no schema ${name}`)
  return validate(value) === true ? [] : (validate.errors ?? [])
}
