import t from 'tap'
import { parseJson, parseJsonExactly } from '../../src/schemas/json.ts'

// Each of these has a stated answer: read as JSON, or refused with a rule, and never a crash.

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

const READ: readonly [what: string, text: string, value: unknown][] = [
  ['a byte order mark before it', '\ufeff{"a":1}', { a: 1 }],
  ['the last of two equal keys', '{"a":1,"a":2}', { a: 2 }],
  ['a scalar', '7', 7],
  ['null', 'null', null],
  ['64 levels', nested(64), JSON.parse(nested(64))],
  [
    'brackets in a string',
    `"${'['.repeat(100)}\\"${'{'.repeat(100)}"`,
    `${'['.repeat(100)}"${'{'.repeat(100)}`
  ],
  ['an escaped lone surrogate', '"\\ud800"', '\ud800']
]
for (const [what, text, value] of READ) {
  t.test(`reads ${what}`, async (t) => {
    t.strictSame(parseJson(Buffer.from(text)), { ok: true, value })
  })
}

t.test('a key named constructor is data', async (t) => {
  const parsed = parseJson(Buffer.from('{"constructor":{"prototype":1}}'))
  t.equal(JSON.stringify(parsed.ok && parsed.value), '{"constructor":{"prototype":1}}')
})

t.test('a key named __proto__ is data, and changes no object', async (t) => {
  const parsed = parseJson(Buffer.from('{"__proto__":{"polluted":1}}'))
  t.equal(JSON.stringify(parsed.ok && parsed.value), '{"__proto__":{"polluted":1}}')
  t.equal(Reflect.get({}, 'polluted'), undefined)
})

const REFUSED: readonly [what: string, bytes: Buffer, rule: string][] = [
  ['no byte at all', Buffer.alloc(0), 'json'],
  ['a broken end', Buffer.from('{"a":'), 'json'],
  ['NaN', Buffer.from('NaN'), 'json'],
  ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'utf-8'],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'json'],
  ['65 levels', Buffer.from(nested(65)), 'depth'],
  ['100,000 levels', Buffer.from(nested(100_000)), 'depth'],
  ['compressed bytes', Buffer.from([0x1f, 0x8b, 0x08, 0x00]), 'utf-8']
]
for (const [what, bytes, rule] of REFUSED) {
  t.test(`refuses ${what}`, async (t) => {
    t.match(parseJson(bytes), { ok: false, fault: { rule } })
  })
}

const NUMBERS = [
  '12345678901234567890',
  '-9007199254740993',
  '1e400',
  '-1E+400',
  '0.1234567890123456789',
  '1e-400',
  '123456789012345.7512345'
]
for (const number of NUMBERS) {
  t.test(`${number} is written as it was read`, async (t) => {
    const text = `{"a":[${number},{"b":${number}}]}`
    t.equal(JSON.stringify(parseJsonExactly(Buffer.from(text))), text)
    t.not(JSON.stringify(JSON.parse(text)), text, 'which JSON.parse would not do')
  })
}

t.test('numbers that a double holds stay numbers, and strings of digits strings', async (t) => {
  const value = { a: 0, b: -1.5, c: 1e21, d: 150000, e: 0.1, f: '12345678901234567890', g: '1e400' }
  t.strictSame(parseJsonExactly(Buffer.from(JSON.stringify(value))), value)
})
