import type { ErrorObject } from 'ajv/dist/2020.js'
import type { Fault } from './generated.ts'

/** Whether a violation contains the name of an unknown key, which is part of the received data. */
export type Naming = 'named' | 'unnamed'

const MOST_FAULTS = 20
const LONGEST_NAME = 100

const messages = new Map<string, (error: ErrorObject) => string>([
  ['required', ({ params }) => `must have ${params['missingProperty']}`],
  ['type', ({ params }) => `must be ${[params['type']].flat().join(' or ')}`],
  ['enum', ({ params }) => `must be one of ${params['allowedValues'].join(', ')}`],
  ['additionalProperties', () => 'must have no unknown keys']
])

/** Ajv's errors in our form, at most 20. They quote the schema, never the value. */
export function violationsOf(errors: readonly ErrorObject[], unknownKeys: Naming): Fault[] {
  const telling = errors.filter((error) => !isEcho(error))
  return telling.slice(0, MOST_FAULTS).map((error) => {
    const key = unknownKeys === 'named' ? unknownKey(error) : null
    if (key !== null) return fault(`${error.instancePath}/${key}`, error, 'is not a known key')
    return fault(error.instancePath, error, messages.get(error.keyword)?.(error) ?? error.message)
  })
}

function fault(path: string, { keyword: rule }: ErrorObject, message = 'breaks the schema'): Fault {
  return { path, rule, message }
}

/** Ajv also reports each `if` whose branch failed, and each branch of a failed `anyOf`. */
function isEcho({ keyword, schemaPath }: ErrorObject): boolean {
  return keyword === 'if' || /\/anyOf\/\d/.test(schemaPath)
}

/** The key as a part of a JSON Pointer; null if the key is long, or another rule is violated. */
function unknownKey({ params }: ErrorObject): string | null {
  const name: unknown = params['additionalProperty']
  if (typeof name !== 'string' || name.length > LONGEST_NAME) return null
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
