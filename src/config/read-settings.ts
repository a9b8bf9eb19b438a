import { Ajv } from 'ajv'
import type { ReportViolation } from './violation.ts'
import { type RawSettings, SECRETS, SETTINGS } from './settings.ts'

// A test validates the schema against the meta-schema. To compile the meta-schema takes a tenth of a start.
const ajv = new Ajv({
  allErrors: true,
  coerceTypes: true,
  useDefaults: true,
  validateSchema: false,
  verbose: true
})
ajv.addKeyword('form')
const validate = ajv.compile<RawSettings>(SETTINGS)

/** Reads the settings by their schema. Reports each variable that breaks the schema, and leaves it out. */
export function readSettings(
  env: Record<string, string>,
  report: ReportViolation
): Partial<RawSettings> {
  const given = Object.fromEntries(
    Object.entries(env).filter(([name]) => Object.hasOwn(SETTINGS.properties, name))
  )
  // ajv adds the defaults and converts the numbers.
  const settings: unknown = { ...given }
  if (validate(settings)) return settings
  const broken = new Map<string, string>()
  const unread = SECRETS.filter((name) => env[`${name}_FILE`] && env[name] === undefined)
  for (const { instancePath, params, parentSchema, message } of validate.errors ?? []) {
    const name = instancePath.slice(1) || String(params['missingProperty'])
    const missing = instancePath === '' ? 'is required' : undefined
    broken.set(name, missing ?? String(parentSchema?.['form'] ?? message))
  }
  for (const [name, message] of broken) {
    if (!unread.includes(name)) report(name, message)
  }
  return Object.fromEntries(Object.entries(given).filter(([name]) => !broken.has(name)))
}
