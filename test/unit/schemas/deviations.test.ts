import t from 'tap'
import { type Deviation, deviationsOf, fieldOf } from '../../../src/schemas/deviations.ts'
import { check, schemas } from '../../../src/schemas/validate.ts'

const CANARY = 'canary-7f3a'
const envelope = (...Transaction: readonly unknown[]) => ({
  OperationId: '1',
  Status: 'OK',
  Data: { Transaction }
})

interface Property {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Property>>
}
const transaction = schemas.get('khipu-transaction')
const resolve = (property: Property): Property =>
  property.$ref === undefined
    ? property
    : transaction?.['$defs'][property.$ref.replace('#/$defs/', '')]

type Field = readonly [path: readonly string[], types: readonly string[]]

/** Every field of a transaction that is known, however deep, and the types that it is expected to have. */
function fieldsOf({ properties = {} }: Property, above: readonly string[] = []): Field[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const resolved = resolve(property)
    const path = [...above, name]
    return [[path, [resolved.type ?? []].flat()] as const, ...fieldsOf(resolved, path)]
  })
}
const fields = fieldsOf(transaction as Property)

const KINDS: readonly [type: string, value: unknown][] = [
  ['string', CANARY],
  ['string', ''],
  ['number', 17],
  ['number', 0],
  ['number', Infinity],
  ['boolean', false],
  ['null', null],
  ['array', []],
  ['array', [{ [CANARY]: CANARY }]],
  ['object', {}],
  ['object', { [CANARY]: { [CANARY]: [CANARY] } }]
]

t.test('there are fields to try', async (t) => t.ok(fields.length > 60))

for (const [path, types] of fields) {
  t.test(`${path.join('.')} of any kind refuses no result, and is reported`, async (t) => {
    for (const [kind, value] of KINDS) {
      const within = path.toReversed().reduce<unknown>((inner, name) => ({ [name]: inner }), value)
      const body = envelope({}, within)
      t.match(check('khipu-envelope', body), { valid: true })
      const reported = types.includes(kind)
        ? []
        : [{ path: `/Data/Transaction/1/${path.join('/')}`, rule: 'type' }]
      t.strictSame(deviationsOf(body), reported, `${kind}: ${JSON.stringify(value)}`)
    }
  })
}

t.test('several deviations are listed in their order, and good transactions between', async (t) => {
  const body = envelope(
    { TransactionId: 1, Amount: { Amount: [], Currency: 5 } },
    {},
    { AddressLine: ['a'], Balance: '12' }
  )
  t.strictSame(
    [...deviationsOf(body)].toSorted((one, other) => (one.path < other.path ? -1 : 1)),
    [
      { path: '/Data/Transaction/0/Amount/Amount', rule: 'type' },
      { path: '/Data/Transaction/0/Amount/Currency', rule: 'type' },
      { path: '/Data/Transaction/0/TransactionId', rule: 'type' },
      { path: '/Data/Transaction/2/AddressLine', rule: 'type' },
      { path: '/Data/Transaction/2/Balance', rule: 'type' }
    ]
  )
})

t.test('at most 20 are listed, of whichever transactions come first', async (t) => {
  const wrong = Object.fromEntries(fields.map(([[name = '']]) => [name, true]))
  t.equal(deviationsOf(envelope(wrong)).length, 20, 'of one')
  const each = deviationsOf(envelope(...Array(100).fill({ TransactionId: 1 })))
  t.strictSame(
    each.map(({ path }) => path),
    Array.from({ length: 20 }, (_, index) => `/Data/Transaction/${index}/TransactionId`)
  )
})

t.test('unknown fields are none, wherever they are', async (t) => {
  const unknown = { 'a/b~c': CANARY, constructor: 1, toString: [], [CANARY]: { [CANARY]: 1 } }
  const body = envelope({ ...unknown, Amount: unknown, CreditorAgent: { PostalAddress: unknown } })
  t.strictSame(deviationsOf(body), [])
})

const NO_LISTS: readonly unknown[] = [
  null,
  undefined,
  7,
  'text',
  [],
  {},
  { Data: null },
  { Data: 'none' },
  { Data: [] },
  { Data: {} },
  { Data: { Transaction: null } },
  { Data: { Transaction: {} } },
  { Data: { Transaction: 'none' } },
  { Data: { Balance: [{ TransactionId: 1 }] } }
]
for (const value of NO_LISTS) {
  t.test(`${JSON.stringify(value)} has no transactions, hence no deviation`, async (t) => {
    t.strictSame(deviationsOf(value), [])
  })
}

t.test('a transaction that is no object, as an operator may have accepted it', async (t) => {
  const body = envelope(null, 'x', [], {})
  t.strictSame(
    deviationsOf(body),
    [0, 1, 2].map((index) => ({ path: `/Data/Transaction/${index}`, rule: 'type' }))
  )
})

t.test('no value and no unknown key of a body is in its deviations', async (t) => {
  const wrong = fields.map(([path]) =>
    path.toReversed().reduce<unknown>((inner, name) => ({ [name]: inner }), { [CANARY]: CANARY })
  )
  const texts = fields.map(([path]) =>
    path.toReversed().reduce<unknown>((inner, name) => ({ [name]: inner }), CANARY)
  )
  const found = [...wrong, ...texts].flatMap((each) => deviationsOf(envelope(each)))
  t.ok(found.length > 40)
  t.notMatch(JSON.stringify(found), CANARY)
})

t.test('a million transactions are looked through, the good ones and the bad', async (t) => {
  const good = Array<unknown>(1_000_000).fill({ TransactionId: 'a', Amount: {} })
  t.strictSame(deviationsOf(envelope(...good.slice(0, 100_000))), [])
  const body = { Data: { Transaction: [...good, { TransactionId: 1 }] } }
  t.match(deviationsOf(body), { length: 1, 0: { path: '/Data/Transaction/1000000/TransactionId' } })
  const bad = { Data: { Transaction: Array(1_000_000).fill({ TransactionId: 1, Amount: 'x' }) } }
  t.equal(deviationsOf(bad).length, 20)
})

t.test('the field of a deviation has no index, and is one of those that are known', async (t) => {
  const rows: readonly (readonly [path: string, field: string])[] = [
    ['/Data/Transaction/0/Amount', '/Data/Transaction/Amount'],
    ['/Data/Transaction/1234567/Amount/Amount', '/Data/Transaction/Amount/Amount'],
    ['/Data/Transaction/3', '/Data/Transaction'],
    [`/Data/Transaction/3/${CANARY}`, 'other'],
    ['/Data/Transaction/3/constructor', 'other'],
    ['/Data/Transaction/3/Name', 'other'],
    ['/Data/Other/3', 'other'],
    ['', 'other']
  ]
  for (const [path, field] of rows) t.equal(fieldOf({ path, rule: 'type' }), field, path)
  const wrong = fields.map(([path]) => `/Data/Transaction/9/${path.join('/')}`)
  const named = wrong.map((path): Deviation => ({ path, rule: 'type' })).map(fieldOf)
  t.strictSame(
    named,
    fields.map(([path]) => `/Data/Transaction/${path.join('/')}`)
  )
})
