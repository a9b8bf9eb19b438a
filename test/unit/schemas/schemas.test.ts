import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { check, type SchemaName, schemas } from '../../../src/schemas/validate.ts'

type Json = Readonly<Record<string, unknown>>

const ajv = new Ajv2020()

for (const [name, schema] of schemas) {
  t.test(`${name}.json is a documented draft 2020-12 schema`, async (t) => {
    t.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema')
    t.equal(schema['$id'], `https://schemas.khipu-receiver.example/${name}`)
    t.match(schema['title'], /^([A-Z][a-z]+)+$/)
    t.ok(schema['description'])
    t.ok(ajv.validateSchema(schema), ajv.errorsText())
  })

  t.test(`${name}.json fits its own examples`, async (t) => {
    const examples = schema['examples'] as unknown[]
    t.ok(examples.length > 0)
    for (const example of examples) t.same(check(name, example), { valid: true, value: example })
  })

  t.test(`${name}.json describes each property`, async (t) => {
    for (const [key, property] of propertiesOf(schema)) {
      t.ok('description' in property || '$ref' in property || 'anyOf' in property, key)
    }
  })

  t.test(`${name}.json has no default, and no rule for what is under an unknown key`, async (t) => {
    for (const node of nodesOf(schema)) {
      t.notOk('default' in node)
      t.notOk('patternProperties' in node || 'propertyNames' in node)
      t.not(typeof node['additionalProperties'], 'object')
      t.not(typeof node['unevaluatedProperties'], 'object')
    }
  })
}

t.test('every type has one name', async (t) => {
  const titles = [...schemas.values()].flatMap(nodesOf).flatMap(({ title }) => title ?? [])
  t.same(titles, [...new Set(titles)])
})

const examples: [string, SchemaName][] = [
  ['callback', 'khipu-envelope'],
  ['retry-policy', 'retry-policy']
]
for (const [file, name] of examples) {
  t.test(`examples/${file}.example.json fits ${name}.json`, async (t) => {
    const value = readExample(file)
    t.same(check(name, value), { valid: true, value })
  })
}

t.test('the policy example writes out every row', async (t) => {
  const { retry, park } = readExample('retry-policy') as { retry: Json; park: Json }
  const rows = schemas.get('retry-policy')?.['properties']
  t.same(Object.keys(retry), Object.keys(rows.retry.properties))
  t.same(Object.keys(park), Object.keys(rows.park.properties))
  t.same(Object.keys(park), schemas.get('park-reason')?.['enum'])
})

function readExample(file: string): unknown {
  const url = new URL(`../../../schemas/examples/${file}.example.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8'))
}

/** A schema and all schemas within it, `if` and its branches apart: these only refine. */
function nodesOf(schema: Json): Json[] {
  const { properties, $defs, items, anyOf } = schema
  const children = [properties, $defs, anyOf].flatMap((group) => Object.values(group ?? {}))
  return [schema, ...[...children, items ?? []].flat().flatMap((it) => nodesOf(it as Json))]
}

function propertiesOf(schema: Json): [string, Json][] {
  return nodesOf(schema).flatMap(({ properties }) =>
    Object.entries((properties ?? {}) as Json)
  ) as [string, Json][]
}
