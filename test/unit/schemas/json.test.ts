import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { parseJson, parseJsonExactly } from '../../../src/schemas/json.ts'

// Each of these has a stated answer: read as JSON, or refused with a rule, and never a crash.

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

const TEXTS = { a: '\\u', b: ['"\\'] }
const READ: readonly [what: string, text: string, value: unknown][] = [
  ['a byte order mark before it', '\ufeff{"a":1}', { a: 1 }],
  [
    'one key in several objects',
    '{"a":{"a":1},"b":[{"a":1},{"a":1}]}',
    { a: { a: 1 }, b: [{ a: 1 }, { a: 1 }] }
  ],
  ['backslashes in texts', JSON.stringify(TEXTS), TEXTS],
  ['the longest number', '9'.repeat(1000), Infinity],
  ['colons, commas and quotes in strings', String.raw`{"a:\":":"b\":,:"}`, { 'a:":': 'b":,:' }],
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

t.test('a key named constructor is data, as long as it leads to no prototype', async (t) => {
  for (const text of ['{"constructor":{"a":1}}', '{"constructor":"x"}', '{"prototype":{}}']) {
    const parsed = parseJson(Buffer.from(text))
    t.equal(JSON.stringify(parsed.ok && parsed.value), text)
  }
})

t.test('of any JSON, what is read is what was written', async (t) => {
  const property = fc.property(fc.json({ maxDepth: 10 }), (text) => {
    const parsed = parseJson(Buffer.from(text))
    if (!parsed.ok) return ['key', 'prototype'].includes(parsed.fault.rule)
    return isDeepStrictEqual(parsed.value, JSON.parse(text))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 1000 }))
})

t.test('keys are read as they are written, whatever was sent before', async (t) => {
  // V8 would take the second for the first, once it has read that one: nodejs/node#63785.
  const name = fc.string({
    unit: fc.constantFrom('a', 'b', '\\', 'u', '"', '\n', '0'),
    maxLength: 6
  })
  const property = fc.property(name, name, (before, key) => {
    // Not by an object: to make one with such a key is as bad as to read it.
    parseJson(Buffer.from(`{"h":[],${JSON.stringify(before)}:0}`))
    const parsed = parseJson(Buffer.from(`{"h":1,${escapeAll(key)}:2}`))
    if (key.includes('\\') || key === 'h') return !parsed.ok
    return parsed.ok && Object.keys(Object(parsed.value)).includes(key)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 3000 }))
})

t.test('six million digits in a text, or a key, do no harm', async (t) => {
  const text = JSON.stringify({ a: '1'.repeat(6_000_000), b: `:${'0'.repeat(6_000_000)}` })
  t.equal(JSON.stringify(parseJsonExactly(Buffer.from(text))) === text, true)
})

// Each is read in well under a second; what looked through the long string for each of them took hours.
const LONG = `"${'a'.repeat(5_000_000)}"`
const AFTER_IT = [
  ':',
  ',',
  '{',
  '[',
  ']',
  '"',
  '\\',
  '":"',
  '"a":',
  '{"a":',
  '1',
  '1e',
  '"\\u005c":'
]
for (const shape of AFTER_IT) {
  t.test(`a long string and millions of ${shape} do no harm`, async (t) => {
    const text = `${LONG}${shape.repeat(5_000_000 / shape.length)}`
    t.equal(parseJson(Buffer.from(text)).ok, false)
  })
}

t.test('a key that is written once more in any object is found', async (t) => {
  const object = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 }), {
    minKeys: 1,
    noNullPrototype: true
  })
  const property = fc.property(object, fc.nat(), fc.boolean(), (value, pick, escaped) => {
    const names = Object.keys(value)
    const name = names[pick % names.length] ?? ''
    const again = escaped ? escapeAll(name) : JSON.stringify(name)
    const text = `[{"x":${JSON.stringify(value).slice(0, -1)},${again}:1}}]`
    const parsed = parseJson(Buffer.from(text))
    return !parsed.ok && /^(duplicate-key|prototype|key)$/.test(parsed.fault.rule)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
})

function escapeAll(name: string): string {
  const units = Array.from({ length: name.length }, (_, at) => name.charCodeAt(at))
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
}

const REFUSED: readonly [what: string, bytes: Buffer, rule: string][] = [
  ['no byte at all', Buffer.alloc(0), 'json'],
  ['a broken end', Buffer.from('{"a":'), 'json'],
  ['NaN', Buffer.from('NaN'), 'json'],
  ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'utf-8'],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'json'],
  ['a key twice', Buffer.from('{"a":1,"a":1}'), 'duplicate-key'],
  ['a key twice, deep down', Buffer.from('[[{"b":{"a":[],"c":1,"a":{}}}]]'), 'duplicate-key'],
  ['a key twice, once escaped', Buffer.from(String.raw`{"a":1,"\u0061":2}`), 'duplicate-key'],
  ['the key __proto__', Buffer.from('{"__proto__":{"polluted":1}}'), 'prototype'],
  ['the same, escaped', Buffer.from(String.raw`[{"\u005f_proto__":{"a":1}}]`), 'prototype'],
  ['constructor.prototype', Buffer.from('{"a":{"constructor":{"prototype":{}}}}'), 'prototype'],
  ['a key with a backslash', Buffer.from(String.raw`{"a":[{"b\\u":1}]}`), 'key'],
  ['the same, escaped', Buffer.from(String.raw`{"\u005cb" : 1}`), 'key'],
  ['the same, in capitals', Buffer.from(String.raw`{"\u005C":1}`), 'key'],
  ['a number of 1,001 digits', Buffer.from(`[${'9'.repeat(1001)}]`), 'number'],
  ['an exponent of 1,000 digits', Buffer.from(`[1e${'9'.repeat(1000)}]`), 'number'],
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
