const HEAD = '{"OperationId":"6baf6c19","Status":"OK","Data":{"X":'
const TAIL = '},"AdditionalInformation":null,"Error":null,"LifeSpan":null}'
/** A little below the limits of a body, 10 MB and a million values. */
const MOST_BYTES = 10 * 1024 * 1024 - 1000
const MOST_VALUES = 1_000_000 - 100

type Unit = string | ((index: number) => string)

/** What bodies are made of: each fills its body with the unit, to the limit of bytes or of values. */
const SHAPES: readonly (readonly [
  name: string,
  brackets: string,
  unit: Unit,
  valuesOfUnit: number
])[] = [
  ['transactions', '[]', transaction, 16],
  ['empty objects', '[]', '{}', 1],
  ['empty arrays', '[]', '[]', 1],
  ['nested arrays', '[]', '[[[[[[[[[[]]]]]]]]]]', 10],
  ['nested objects', '[]', '{"a":{"a":{"a":{"a":{}}}}}', 5],
  ['distinct keys in one object', '{}', (index) => `"${index.toString(36)}x":1`, 1],
  ['distinct keys in many objects', '[]', (index) => `{"${index.toString(36)}x":{}}`, 2],
  ['keys that are numbers', '{}', (index) => `"${index * 4001}":1`, 1],
  ['long numbers', '[]', '12345678901234567890', 1],
  ['exponents', '[]', '1e5', 1],
  ['exponents and objects', '[]', '1e5,{},{},{}', 4],
  ['texts', '[]', (index) => `"${index.toString(36)}\u00f1\u20ac"`, 1]
]

/** Bodies of every shape, as large as a body may be. */
export function bodiesOfEveryShape(): ReadonlyMap<string, Buffer> {
  return new Map(
    SHAPES.map(([name, brackets, unit, values]) => [
      name,
      fill(brackets, unit, MOST_VALUES / values)
    ])
  )
}

/** One with more values than are allowed. */
export function tooManyValues(): Buffer {
  return fill('[]', '{}', 3_000_000)
}

/** A realistic one of that size. */
export function transactions(bytes: number): Buffer {
  return fill('[]', transaction, Infinity, bytes)
}

function fill(brackets: string, unit: Unit, most: number, bytes = MOST_BYTES): Buffer {
  const units: string[] = []
  let length = HEAD.length + TAIL.length + 2
  for (let index = 0; index < most; index += 1) {
    const text = typeof unit === 'string' ? unit : unit(index)
    length += Buffer.byteLength(text) + 1
    if (length > bytes) break
    units.push(text)
  }
  return Buffer.from(`${HEAD}${brackets.charAt(0)}${units.join()}${brackets.charAt(1)}${TAIL}`)
}

function transaction(index: number): string {
  const amount = { Amount: String(index * 13.1), Currency: 'CLP' }
  return JSON.stringify({
    TransactionId: `t${index}`,
    AccountId: '873458',
    Amount: amount,
    CreditDebitIndicator: 'Debit',
    BookingDateTime: '2024-01-01T00:00:00Z',
    TransactionInformation: `Compra en tienda n\u00famero ${index}`,
    Balance: { Amount: amount, Type: 'InterimAvailable', CreditDebitIndicator: 'Credit' },
    MerchantDetails: null
  })
}
