import fc from 'fast-check'
import t from 'tap'
import { parseJson } from '../../../src/schemas/json.ts'
import { repeatedKeys } from '../../../src/schemas/repeated-keys.ts'
import { holds } from '../../helpers/holds.ts'

const ROWS: readonly [text: string, paths: (string | number)[][]][] = [
  ['{}', []],
  ['"a"', []],
  ['{"a":"a","b":["a","a"],"c":{"a":{"a":1}}}', []],
  ['{"a":1,"a":2,"a":3}', [['a']]],
  [String.raw`{"a":1,"\u0061":2}`, [['a']]],
  ['[{"a":1},{"a":1,"b":{"c":"}\\"","c":"{"}}]', [[1, 'b', 'c']]],
  ['{"a":{"b":1,"b":2},"a":[[],{"":1,"":2}]}', [['a', 'b'], ['a'], ['a', 1, '']]],
  ['{"__proto__":1,"__proto__":2}', [['__proto__']]]
]

for (const [text, paths] of ROWS) {
  t.test(`the keys that come again in ${text}`, async (t) => {
    t.strictSame(repeatedKeys(Buffer.from(text)), paths)
  })
}

t.test('there are some where the reader of JSON finds a key twice, and only there', async (t) => {
  const keys = fc.constantFrom('a', 'b', 'ñ', '1', '{', ':"')
  const { json } = fc.letrec<{ json: string }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('1', 'null', '"a"', '"\\\\"', '"},{"'),
      fc.array(tie('json'), { maxLength: 3 }).map((all) => `[${all.join(', ')}]`),
      fc
        .array(fc.tuple(keys, tie('json')), { maxLength: 3 })
        .map((all) => `{${all.map(([key, value]) => `${JSON.stringify(key)} : ${value}`).join()}}`)
    )
  }))
  holds(t, json, (text) => {
    const parsed = parseJson(Buffer.from(text))
    if (!parsed.ok && parsed.fault.rule !== 'duplicate-key') return true
    return parsed.ok === (repeatedKeys(Buffer.from(text)).length === 0)
  })
})
