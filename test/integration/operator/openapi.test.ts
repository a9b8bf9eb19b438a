import t, { type Test } from 'tap'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { CALLBACK_ANSWERS, protocolAnswer } from '../../../src/callbacks/callback-answers.ts'
import { PROBLEMS } from '../../../src/operator/problem.ts'
import { tableAfter } from '../../helpers/documents.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { call } from '../../helpers/wire.ts'

type Json = { readonly [key: string]: Json } & readonly Json[]

interface Operation {
  readonly name: string
  readonly path: string
  readonly operation: Json
}

/** The document, as a caller without a token gets it, and its operations. */
async function describe(t: Test) {
  const { address } = await openAdmin(t, await openServerService(t))
  const answer = await call(`${address}/openapi.json`)
  const document = answer.json as Json
  const operations = operationsOf(document['paths'])
  return { answer, document, operations, webhooks: operationsOf(document['webhooks']) }
}

function operationsOf(paths: Json | undefined): Operation[] {
  return Object.entries(paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      operation: operation as Json
    }))
  )
}

const isOpen = (operation: Json) => operation['security']?.length === 0

t.test('/openapi.json is OpenAPI 3.1, and has every documented route but pages', async (t) => {
  const { answer, document, operations } = await describe(t)
  t.equal(answer.status, 200)
  t.match(answer.headers.get('content-type'), /^application\/json/)
  t.match(document, {
    openapi: /^3\.1\.\d+$/,
    info: { title: /.+/, version: /.+/ },
    servers: [{ url: '/' }],
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    security: [{ bearer: [] }]
  })
  const documented = tableAfter('docs/reference/operator-api.md', 'routes')
  const calls = documented.map(([name = '', scope = '']) => [name, scope].map(plain))
  t.same(
    operations.map(({ name, operation }) => [name, scopeOf(operation)]).toSorted(byName),
    calls.filter(([name]) => name !== 'GET /docs').toSorted(byName)
  )
})

const plain = (cell: string) => cell.replaceAll('`', '')
const byName = ([one = '']: string[], [other = '']: string[]) => (one < other ? -1 : 1)

function scopeOf({ security }: Json): string {
  const [needed] = security ?? []
  return needed === undefined ? 'none' : String(needed['bearer'])
}

t.test('every operation has an id of its own, words, a known tag and its path', async (t) => {
  const { document, operations, webhooks } = await describe(t)
  const all = [...operations, ...webhooks]
  const tags = (document['tags'] ?? []).map(({ name }) => String(name))
  for (const { name, path, operation } of all) {
    t.match(operation, { summary: /.+/, description: /.+/ }, name)
    t.ok(operation['tags']?.length === 1 && tags.includes(String(operation['tags']?.[0])), name)
    const parameters = (operation['parameters'] ?? []) as unknown as Parameter[]
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter)
    const inPath = parameters.filter((parameter) => parameter.in === 'path')
    t.same(
      inPath.map((parameter) => parameter.name),
      named,
      `${name} describes its path`
    )
    for (const parameter of parameters) t.match(parameter, { description: /.+/ }, name)
  }
  const ids = all.map(({ operation }) => String(operation['operationId']))
  t.same([...new Set(ids)], ids)
  for (const id of ids) t.match(id, /^[a-z]+[A-Za-z]*$/)
})

interface Parameter {
  readonly in: string
  readonly name: string
  readonly description?: string
  readonly example?: unknown
  readonly schema: object
}

t.test('every operation tells its problems, and all codes are told somewhere', async (t) => {
  const { document, operations } = await describe(t)
  const told = new Set<string>()
  for (const { name, operation } of operations) {
    const answers = Object.entries(operation['responses'] ?? {})
    t.ok(
      answers.some(([status]) => status.startsWith('2')),
      name
    )
    const problems = answers.flatMap(([status, answer]) => {
      const { content } = follow(document, answer as Json)
      const codes = Object.keys(content?.['application/problem+json']?.['examples'] ?? {})
      for (const code of codes) t.equal(String(Object(PROBLEMS)[code]), status, `${name} ${code}`)
      return codes
    })
    const usual = isOpen(operation) ? [] : ['unknown-token', 'scope-too-narrow', 'unavailable']
    for (const code of ['malformed-request', ...usual]) t.ok(problems.includes(code), name)
    for (const code of problems) told.add(code)
  }
  t.same(
    Object.keys(PROBLEMS).filter((code) => !told.has(code)),
    ['unknown-route'],
    'what has no route has no operation'
  )
})

function follow(document: Json, node: Json): Json {
  const reference = node['$ref'] as unknown as string | undefined
  return reference === undefined ? node : (target(document, reference) ?? node)
}

function target(document: Json, reference: string): Json | undefined {
  const names = reference.slice(2).split('/')
  return names.reduce<Json | undefined>((node, name) => node?.[name], document)
}

t.test('every body has examples, and every example keeps to its schema', async (t) => {
  const { document, operations, webhooks } = await describe(t)
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'openapi', components: document['components'] })
  const keepsTo = (schema: object, value: unknown, name: string) =>
    t.ok(ajv.validate(inDocument(schema), value), `${name}: ${ajv.errorsText()}`)
  for (const { name, operation } of [...operations, ...webhooks]) {
    for (const { example, schema } of (operation['parameters'] ?? []) as unknown as Parameter[]) {
      if (example !== undefined) keepsTo(schema, example, name)
    }
    for (const { schema, example, examples = {} } of mediaOf(document, operation)) {
      const values = Object.values(examples).map(({ value }) => value)
      const all = example === undefined ? values : [example, ...values]
      t.ok(all.length > 0 || name === 'GET /openapi.json', `${name} has an example`)
      for (const value of all) keepsTo(schema, value, name)
    }
  }
})

function mediaOf(document: Json, { requestBody, responses }: Json): Media[] {
  const bodies = [
    ...(Object.values(responses ?? {}) as Json[]),
    ...(requestBody ? [requestBody] : [])
  ]
  return bodies.flatMap((body) => {
    const { content = {} } = follow(document, body)
    return Object.values(content) as unknown as Media[]
  })
}

interface Media {
  readonly schema: object
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

/** The schema, with its references into the document that the validator knows. */
function inDocument(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object
}

t.test('which bodies a call needs, and which it may leave out', async (t) => {
  const { document } = await describe(t)
  const bodyOf = (path: string) => document['paths']?.[path]?.['post']?.['requestBody']
  t.match(bodyOf('/v1/requests'), { required: true })
  t.match(bodyOf('/v1/notifications'), { required: true })
  t.match(bodyOf('/v1/quarantine/{id}/accept'), {
    required: false,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/AcceptBody' } } }
  })
  t.match(document['paths']?.['/v1/requests']?.['post']?.['responses']?.['202'], {
    headers: { location: { description: /.+/ } }
  })
})

t.test('the callback is a webhook, with every status that the public listener has', async (t) => {
  const { webhooks } = await describe(t)
  const [{ operation } = { operation: {} as Json }, ...others] = webhooks
  t.same(others, [])
  t.match(operation, {
    operationId: 'receiveCallback',
    security: [],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/KhipuEnvelope' } } }
    }
  })
  const answers = operation['responses'] ?? {}
  const ofTable = Object.values(CALLBACK_ANSWERS).map(({ httpStatus }) => httpStatus)
  t.same(new Set(Object.keys(answers).map(Number)), new Set([...ofTable, 408, 431, 505]))
  for (const [status, answer] of Object.entries(answers) as [string, Json][]) {
    const known = Object.values(CALLBACK_ANSWERS).filter((one) => `${one.httpStatus}` === status)
    const words = [...known, protocolAnswer(Number(status))].map((one) => one.status)
    const example = answer['content']?.['application/json']?.['example']?.['status']
    t.ok(words.includes(String(example)), status)
  }
})

t.test(
  'its schemas can be compiled, its references lead somewhere, no part is unused',
  async (t) => {
    const { document } = await describe(t)
    const { components } = document
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema({ $id: 'openapi', components })
    for (const name of Object.keys(components?.['schemas'] ?? {})) {
      t.ok(ajv.compile({ $ref: `openapi#/components/schemas/${name}` }), name)
    }
    const references = new Set<string>()
    JSON.stringify(document, (key, value: unknown) => {
      if (key === '$ref' && typeof value === 'string') references.add(value)
      return value
    })
    t.same(
      [...references].filter((one) => !one.startsWith('#/') || !target(document, one)),
      []
    )
    for (const kind of ['schemas', 'responses']) {
      for (const name of Object.keys(components?.[kind] ?? {})) {
        t.ok(references.has(`#/components/${kind}/${name}`), `${name} is used`)
      }
    }
  }
)
