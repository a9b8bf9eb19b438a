import t from 'tap'
import { check, schemas, type SchemaName } from '../../../src/schemas/validate.ts'

const CANARY = 'canary-7f3a'
const envelope = (Transaction: unknown[]) => ({
  OperationId: '1',
  Status: 'OK',
  Data: { Transaction }
})

t.test('changes nothing in 5,000 transactions', async (t) => {
  const value = envelope(
    Array.from({ length: 5000 }, (_, index) => ({
      TransactionId: `${index}`,
      BookingDateTime: '2017-07-22T00:00:00-0400',
      Amount: { Amount: index % 2 ? `${index}.00` : index, Currency: 'CLP' },
      Balance: {},
      DebtorAgent: null,
      StatementReference: ['', 0, false],
      SupplementaryData: index % 2 ? [{ deep: { er: [null] } }] : {},
      Unknown: { kept: true, ['__proto__']: 1 }
    }))
  )
  const before = structuredClone(value)
  const checked = check('khipu-envelope', value)
  t.ok(checked.valid && checked.value === value, 'gives back the very same object')
  t.strictSame(value, before)
})

t.test('changes nothing in what it refuses', async (t) => {
  const value = {
    service: 1,
    RequestData: { AccountNumber: 7 },
    authorization: { jwt: 'a', other: 1 }
  }
  const before = structuredClone(value)
  check('request-body', value, { list: 'all', unknownKeys: 'named' })
  t.strictSame(value, before)
})

t.test('lists the first fault, or all of them', async (t) => {
  const value = { Status: 1, Error: 2 }
  const first = check('khipu-envelope', value)
  const all = check('khipu-envelope', value, { list: 'all' })
  t.same(first, {
    valid: false,
    faults: [{ path: '', rule: 'required', message: 'must have OperationId' }]
  })
  t.same(all, {
    valid: false,
    faults: [
      { path: '', rule: 'required', message: 'must have OperationId' },
      { path: '/Status', rule: 'type', message: 'must be string' },
      { path: '/Status', rule: 'enum', message: 'must be one of OK, ERROR' },
      { path: '/Error', rule: 'type', message: 'must be object or null' }
    ]
  })
})

t.test('tells one fault once, where a rule is conditional or has alternatives', async (t) => {
  const examples = schemas.get('result')?.['examples'] as object[]
  const conditional = check('request-body', { RequestData: {} }, { list: 'all' })
  const alternative = check('result', { ...examples[1], reason: 'bad luck' }, { list: 'all' })
  t.match(conditional, { faults: { length: 1, 0: { path: '/RequestData', rule: 'required' } } })
  t.match(alternative, { faults: { length: 1, 0: { path: '/reason', rule: 'anyOf' } } })
})

t.test('lists at most 20 faults', async (t) => {
  const checked = check('khipu-envelope', envelope(Array(100).fill(1)), { list: 'all' })
  t.equal(checked.valid ? 0 : checked.faults.length, 20)
})

t.test('stays fast where a large value is full of faults', async (t) => {
  const checked = check('khipu-envelope', envelope(Array(1_000_000).fill(1)), { list: 'all' })
  t.equal(checked.valid ? 0 : checked.faults.length, 1, 'only the first was looked for')
})

const unknown: [what: string, key: string, path: string, message: string][] = [
  ['a short name', 'typo', '/typo', 'is not a known key'],
  ['a name that needs escaping', 'a/b~c', '/a~1b~0c', 'is not a known key'],
  ['a name too long to repeat', 'x'.repeat(101), '', 'must have no unknown keys']
]
for (const [what, key, path, message] of unknown) {
  t.test(`an unknown key with ${what} has the path "${path}" where it may be named`, async (t) => {
    const rule = 'additionalProperties'
    t.same(check('notification-body', { [key]: 1 }, { unknownKeys: 'named' }), {
      valid: false,
      faults: [{ path, rule, message }]
    })
    t.same(check('notification-body', { [key]: 1 }), {
      valid: false,
      faults: [{ path: '', rule, message: 'must have no unknown keys' }]
    })
  })
}

t.test('does not know a schema that does not exist', async (t) => {
  t.throws(() => check('constructor' as SchemaName, {}), /no schema constructor/)
})

for (const name of schemas.keys()) {
  t.test(`the faults of ${name} never repeat a value or an unknown key`, async (t) => {
    const examples = schemas.get(name)?.['examples'] as unknown[]
    const broken = examples.flatMap((example) => [...spoil(example)])
    const checked = broken.map((value) => check(name, value, { list: 'all' }))
    t.ok(checked.some(({ valid }) => !valid))
    t.notMatch(JSON.stringify(checked.filter(({ valid }) => !valid)), CANARY)
  })
}

/** Copies of a value, each with the canary in another place: as a value and as a key. */
function* spoil(value: unknown): Generator<unknown> {
  yield CANARY
  yield `${CANARY} with spaces\n${'x'.repeat(300)}`
  yield [CANARY]
  yield { [CANARY]: CANARY }
  if (typeof value !== 'object' || value === null) return
  yield Array.isArray(value) ? [...value, CANARY] : { ...value, [CANARY]: CANARY }
  for (const [key, child] of Object.entries(value)) {
    for (const spoiled of spoil(child)) {
      yield Array.isArray(value) ? [spoiled, ...value] : { ...value, [key]: spoiled }
    }
  }
}
