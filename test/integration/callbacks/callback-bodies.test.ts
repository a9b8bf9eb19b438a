import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { createCipher } from '../../../src/crypto/encrypt.ts'
import { examineInline } from '../../../src/callbacks/examine-body.ts'
import { ok, resultsOf } from '../../helpers/callbacks.ts'
import { askIn } from '../../helpers/requests.ts'
import { openPublic, openServerService } from '../../helpers/listeners.ts'
import type { Service } from '../../helpers/service.ts'
import { advance } from '../../helpers/handlers.ts'

// Every row of the table of docs/reference/callback-responses.md, by the words that it begins with.

const LIMIT = 1_000_000
const MOST_VALUES = 100
/** An envelope with raw JSON text in its data. */
const withData = (raw: string) =>
  JSON.stringify(ok({ Data: { Probe: 'RAW' } })).replace('"RAW"', raw)
const withOdd = (raw: string) =>
  JSON.stringify(ok({ Data: { Transaction: [{ TransactionId: 'RAW' }] } })).replace('"RAW"', raw)
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const kept = (status: number, rule: string) => ({ status, rule })

type Expected =
  | { readonly status: number; readonly rule: string }
  /** What the result job's text must hold. */
  | { readonly holds: string }
  | { readonly status: 413 }
type Body = readonly [
  row: string,
  body: string | Buffer,
  Expected,
  headers?: Record<string, string>
]

const LONE = String.raw`"\ud800"`
const NUL = String.raw`"\u0000"`
const ESCAPED = String.raw`{"a":1,"\u0061":2}`
const BACKSLASH = String.raw`{"Descripci\\u":1}`
const PROTO = String.raw`{"\u005f\u005fproto\u005f\u005f":{"polluted":1}}`

const BODIES: readonly Body[] = [
  ['an envelope, of any', withData('1'), { holds: '"Probe":1' }],
  ['an envelope, of any', withData('2'), { holds: '"Probe":2' }, { 'content-type': 'text/html' }],
  ['an envelope, of any', withData('3'), { holds: '"Probe":3' }, { 'content-type': ';;' }],
  ['an envelope with unknown', withData('{"New":[null,true]}'), { holds: '{"New":[null,true]}' }],
  ['a transaction with odd', withOdd('7'), { holds: '"TransactionId":7' }],
  ['a transaction with odd', withOdd('["a"]'), { holds: 'nId","rule":"type"}]' }],
  ['an envelope after a byte', `\ufeff${withData('4')}`, { holds: '"Probe":4' }],
  ['an escaped lone surrogate', withData(LONE), { holds: `"Probe":${LONE}` }],
  ['an escaped NUL', withData(NUL), { holds: `"Probe":${NUL}` }],
  ['integers beyond', withData('12345678901234567890'), { holds: ':12345678901234567890' }],
  ['integers beyond', withData('1e400'), { holds: ':1e400' }],
  ['integers beyond', withData('-1E-400'), { holds: ':-1E-400' }],
  ['integers beyond', withData('0.01234567890123456789'), { holds: ':0.01234567890123456789' }],
  ['integers beyond', withData('[0.10,-0.0,1E5,1.0]'), { holds: ':[0.10,-0.0,1E5,1.0]' }],
  ['no byte at all', '', kept(400, 'json')],
  ['broken JSON', withData('1').slice(0, -1), kept(400, 'json')],
  ['broken JSON', `${withData('1')}//`, kept(400, 'json')],
  ['broken JSON', withData('NaN'), kept(400, 'json')],
  ['broken JSON', withData('[1,]'), kept(400, 'json')],
  ['broken JSON', withData('01'), kept(400, 'json')],
  ['broken JSON', withData("'x'"), kept(400, 'json')],
  ['broken JSON', withData('"a\nb"'), kept(400, 'json')],
  ['bytes that are not', Buffer.from(withData('"\u00e9"'), 'latin1'), kept(400, 'utf-8')],
  ['bytes that are not', Buffer.from([0xed, 0xa0, 0x80]), kept(400, 'utf-8')],
  ['bytes that are not', Buffer.from([0xc0, 0xaf]), kept(400, 'utf-8')],
  ['bytes that are not', Buffer.from(`\ufeff${withData('1')}`, 'utf16le'), kept(400, 'utf-8')],
  ['bytes that are not', Buffer.from(withData('1'), 'utf16le'), kept(400, 'json')],
  ['nesting of more', withData(nested(63)), kept(400, 'depth')],
  ['nesting of more', withData(nested(100_000)), kept(400, 'depth')],
  ['nesting of more', '{"a":'.repeat(100_000), kept(400, 'depth')],
  ['a key twice', withData('{"a":1,"a":1}'), kept(400, 'duplicate-key')],
  ['a key twice', withData(ESCAPED), kept(400, 'duplicate-key')],
  ['a key twice', withData('1').replace('{', '{"Status":"ERROR",'), kept(400, 'duplicate-key')],
  ['`__proto__`', withData('{"__proto__":{"polluted":1}}'), kept(400, 'prototype')],
  ['`__proto__`', withData(PROTO), kept(400, 'prototype')],
  ['`__proto__`', withData('{"constructor":{"prototype":{}}}'), kept(400, 'prototype')],
  ['a key with a backslash', withData(BACKSLASH), kept(400, 'key')],
  ['a number of more', withData('9'.repeat(1001)), kept(400, 'number')],
  ['more than `BODY_VALUES`', withData(`[${'{},'.repeat(100)}{}]`), kept(422, 'values')],
  ['a scalar', '7', kept(422, 'type')],
  ['a scalar', '"text"', kept(422, 'type')],
  ['a scalar', 'null', kept(422, 'type')],
  ['a scalar', `[${withData('1')}]`, kept(422, 'type')],
  ['an envelope that breaks', withData('1').replace('OK', 'YES'), kept(422, 'enum')],
  ['an envelope that breaks', '{}', kept(422, 'required')],
  [
    'anything with a `Content-Encoding`',
    gzipSync(withData('1')),
    kept(415, 'content-encoding'),
    { 'content-encoding': 'gzip' }
  ],
  [
    'anything with a `Content-Encoding`',
    withData('5'),
    kept(415, 'content-encoding'),
    { 'content-encoding': 'br, identity' }
  ],
  ['an envelope, of any', withData('6'), { holds: ':6' }, { 'content-encoding': 'identity' }],
  ['more than `BODY_LIMIT`', withData(`"${'x'.repeat(LIMIT)}"`), { status: 413 }]
]

t.test('every body has the answer that is stated for it, and none is lost', async (t) => {
  const service = await openServerService(t)
  const listener = await openPublic(t, service, {
    bodyLimit: LIMIT,
    examine: examineInline(createCipher(service.ledgerSettings.secretKeys), MOST_VALUES)
  })
  for (const [at, [row, content, expected, headers = {}]] of BODIES.entries()) {
    const body = Buffer.from(content)
    await t.test(`${at}: ${row}`, async (t) => {
      const requestId = await askIn(service, 'awaiting-callback')
      const token = service.capabilities.sign({ requestId, attempt: 1 })
      const answer = await listener.post(token, body, headers)
      if ('holds' in expected) {
        t.match([answer.status, answer.json], [200, { status: 'accepted' }])
        t.ok((await resultText(service, requestId)).includes(expected.holds))
        return
      }
      t.equal(answer.status, expected.status)
      if (!('rule' in expected)) return
      t.match(answer.json, { status: 'refused', faults: [{ rule: expected.rule }] })
      const { quarantineId } = Object(answer.json) as { quarantineId: string }
      const entry = await service.quarantine.find(quarantineId)
      t.same(entry && (await service.quarantine.open(entry)), body, 'kept byte for byte')
    })
  }
  t.equal(Reflect.get({}, 'polluted'), undefined)
})

t.test('every row of the table is tested, and says the answer that is tested', async (t) => {
  const document = readFileSync(
    new URL('../../../docs/reference/callback-responses.md', import.meta.url),
    'utf8'
  )
  const [, table = ''] = document.split('<!-- bodies -->')
  const rows = table.split('\n').filter((line) => /^\| (?!body|---)/.test(line))
  for (const line of rows) {
    const [, row = '', answer = ''] = line.split('|').map((cell) => cell.trim())
    const tested = BODIES.filter(([words]) => row.startsWith(words))
    t.not(tested.length, 0, row)
    for (const [, , expected] of tested) {
      t.ok(answer.startsWith(String('status' in expected ? expected.status : 200)), row)
      if ('rule' in expected && answer.includes('`')) t.ok(answer.includes(`\`${expected.rule}\``))
    }
  }
  t.equal(
    new Set(BODIES.map(([words]) => rows.find((line) => line.includes(words)))).has(undefined),
    false
  )
})

/** The downstream job's data, to the letter. */
async function resultText(service: Service, requestId: string): Promise<string> {
  await advance(service, requestId, (request) => request)
  const { queuePrefix, redis } = service
  t.equal(
    (await resultsOf(service)).some(({ id }) => id === requestId),
    true
  )
  return (await redis.hget(`${queuePrefix}:khipu-results:${requestId}`, 'data')) ?? ''
}
