import { readFileSync } from 'node:fs'
import t from 'tap'
import { check, schemas } from '../../../src/schemas/validate.ts'

// Every row of the table of docs/reference/validation.md, by its example; and every rule of the schema has a row.

const DOCUMENT = readFileSync(
  new URL('../../../docs/reference/validation.md', import.meta.url),
  'utf8'
)
const [, after = ''] = DOCUMENT.split('<!-- enforced -->')
const [table = ''] = after.trim().split('\n\n')
const rows = table
  .split('\n')
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))

for (const [, path = '', rule = '', , example = ''] of rows) {
  t.test(`${example} breaks ${rule} at "${path}"`, async (t) => {
    const checked = check('khipu-envelope', JSON.parse(example))
    t.match(checked, { valid: false, faults: [{ path, rule }] })
  })
}

t.test('the table has every rule of the schema', async (t) => {
  const named = new Set(rows.map(([, path = '', rule = '']) => `${path} ${rule}`))
  t.same(
    rulesOf(schemas.get('khipu-envelope') ?? {}).filter((rule) => !named.has(rule)),
    // Status is text where it is one of two.
    ['/Status type']
  )
})

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly [keyword: string]: unknown
}

const RULES: ReadonlySet<string> = new Set([
  'type',
  'required',
  'enum',
  'minLength',
  'maxLength',
  'maxItems'
])

/** Each rule of a schema as `<path> <keyword>`; `if` and what follows it apart, which repeat one. */
function rulesOf({ properties = {}, items, ...rules }: Schema, path = ''): string[] {
  const own = Object.keys(rules).filter((rule) => RULES.has(rule))
  const below = Object.entries(properties).flatMap(([name, one]) => rulesOf(one, `${path}/${name}`))
  const ofItems = items === undefined ? [] : rulesOf(items, `${path}/0`)
  return [...own.map((rule) => `${path} ${rule}`), ...below, ...ofItems]
}
