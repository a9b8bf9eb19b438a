import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Deviation } from './generated.ts'
import { schemas } from './validate.ts'

export type { Deviation }

const MOST_DEVIATIONS = 20
const TRANSACTIONS = '/Data/Transaction'

/**
 * At most 20 places where a transaction of a parsed envelope differs from schemas/khipu-transaction.json.
 * A place is a JSON Pointer and a keyword, never a value. Any parsed JSON is allowed, because an operator may have
 * accepted a body that is not an envelope.
 */
export function deviationsOf(envelope: unknown): readonly Deviation[] {
  const found: Deviation[] = []
  const transactions = transactionsOf(envelope)
  // One by one: a transaction has a limited number of fields, so the time grows linearly with the body.
  for (let index = 0; index < transactions.length && found.length < MOST_DEVIATIONS; index += 1) {
    const errors = errorsOf(transactions[index])
    for (const { instancePath, keyword: rule } of errors) {
      found.push({ path: `${TRANSACTIONS}/${index}${instancePath}`, rule })
    }
  }
  return found.slice(0, MOST_DEVIATIONS)
}

/**
 * The deviations in bytes that parseJson has accepted. They are read with plain numbers, because a number that keeps
 * its digits (rawJSON) looks like an object.
 */
export function deviationsIn(body: Uint8Array): readonly Deviation[] {
  return deviationsOf(JSON.parse(new TextDecoder().decode(body)))
}

/** The path of a deviation without its indexes, for the label of a metric; `other` for all but the known fields. */
export function fieldOf({ path }: Deviation): string {
  const field = path.replaceAll(/\/\d+(?=\/|$)/g, '')
  knownFields ??= new Set([TRANSACTIONS, ...fieldsOf(schemaOfTransaction(), TRANSACTIONS)])
  return knownFields.has(field) ? field : 'other'
}

let knownFields: ReadonlySet<string> | undefined

function transactionsOf(envelope: unknown): readonly unknown[] {
  const { Data } = (envelope ?? {}) as { readonly Data?: unknown }
  const { Transaction } = (Data ?? {}) as { readonly Transaction?: unknown }
  return Array.isArray(Transaction) ? Transaction : []
}

let validate: ValidateFunction | undefined

function errorsOf(transaction: unknown) {
  validate ??= compile()
  return validate(transaction) ? [] : (validate.errors ?? [])
}

function compile(): ValidateFunction {
  const ajv = new Ajv2020({
    allErrors: true,
    allowUnionTypes: true,
    strict: true,
    strictNumbers: false, // 1e400 is a number, though no double can hold it.
    validateSchema: false
  })
  return ajv.compile(schemaOfTransaction())
}

interface Schema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
  readonly properties?: Readonly<Record<string, Schema>>
}

function schemaOfTransaction(): Schema {
  return (schemas.get('khipu-transaction') ?? {}) as Schema
}

/** The path of every field that a schema names, at any depth. */
function fieldsOf({ properties = {} }: Schema, above: string): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const path = `${above}/${name}`
    return [path, ...fieldsOf(resolve(property), path)]
  })
}

function resolve(schema: Schema): Schema {
  const name = schema.$ref?.replace('#/$defs/', '')
  return name === undefined ? schema : (schemaOfTransaction().$defs?.[name] ?? {})
}
