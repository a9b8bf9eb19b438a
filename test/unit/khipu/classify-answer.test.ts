import t from 'tap'
import { classify, type Defect } from '../../../src/khipu/classify-answer.ts'
import { parseJson } from '../../../src/schemas/json.ts'
import { bytes, error, ok } from '../../helpers/callbacks.ts'

const NOW = Date.parse('2026-11-22T09:00:00Z')
const OPERATION = '6baf6c19-e485-463b-ae24-a821b025c8a4'

const acknowledged = { type: 'acknowledged', operationId: OPERATION, lifeSpan: null }
const temporary = { type: 'temporary', retryAfterMs: null }
const unauthorized = { type: 'refused', cause: 'unauthorized' }
const rejected = { type: 'refused', cause: 'rejected' }
const redirected = { type: 'refused', cause: 'unreadable-answer' }
const ambiguous = { type: 'ambiguous' }
const result = (completeness: string) => ({
  type: 'envelope',
  outcome: { type: 'result', completeness, operationId: OPERATION }
})
const failure = (errorType: string | null, code: string | null) => ({
  type: 'envelope',
  outcome: { type: 'error', errorType, code, operationId: OPERATION }
})
const failureWithout = (errorType: string | null, code: string | null) => ({
  type: 'envelope',
  outcome: { type: 'error', errorType, code, operationId: null }
})

const { Data: _data, ...withoutData } = ok()
const { Data: _, Error: __, AdditionalInformation: ___, LifeSpan: ____, ...bare } = ok()
const { Error: _error, ...withoutError } = ok({ Status: 'ERROR', Data: null })
const { OperationId: _id, ...withoutId } = ok()
const noOperationId = { Status: 'ERROR', Error: { Type: 'DO_NOT_RETRY', Code: 'P001' } }
const incomplete = ok({ AdditionalInformation: 'faltan datos' })
const empty = ok({ Data: { Transaction: [] } })
const html = '<html><head><title>504 Gateway Time-out</title></head></html>'
const goError = 'rpc error: code = Unavailable desc = connection refused'
const logon = error('RETRY_IMMEDIATELY', 'E101')
const twice = (text: string) => text.replace('{', '{"LifeSpan":null,')
const latin1 = (text: string) => Buffer.from(text.replace('}', ',"X":"extracci\u00f3n"}'), 'latin1')

interface Expected {
  readonly type: string
  readonly [detail: string]: unknown
}

type Row = [what: string, status: number, body: unknown, answer: Expected]

// Texts and bytes are sent as they are, everything else as JSON.
const TABLE: readonly Row[] = [
  ['202 with Data null', 202, ok({ Data: null }), acknowledged],
  ['202 with Data {}', 202, ok({ Data: {} }), acknowledged],
  ['202 with Data []', 202, ok({ Data: [] }), acknowledged],
  ['202 without Data', 202, withoutData, acknowledged],
  ['202 with nothing but OperationId and Status', 202, bare, acknowledged],
  ['202 with AdditionalInformation', 202, { ...incomplete, Data: null }, acknowledged],
  [
    '202 with a LifeSpan',
    202,
    ok({ Data: null, LifeSpan: 'PT30M' }),
    { ...acknowledged, lifeSpan: 'PT30M' }
  ],
  ['200 OK with Data null', 200, ok({ Data: null }), acknowledged],
  ['200 OK with Data {}', 200, ok({ Data: {} }), acknowledged],
  ['200 OK with Data []', 200, ok({ Data: [] }), acknowledged],
  ['200 OK without Data', 200, withoutData, acknowledged],
  ['201 OK with Data null', 201, ok({ Data: null }), acknowledged],
  ['207 OK without Data', 207, withoutData, acknowledged],

  ['200 OK with Data', 200, ok(), result('complete')],
  ['200 OK with transactions missing', 200, incomplete, result('incomplete')],
  ['200 OK with no transactions', 200, empty, result('empty')],
  ['200 OK with Data of another product', 200, ok({ Data: { Balance: 1 } }), result('complete')],
  ['201 OK with Data', 201, ok(), result('complete')],
  ['202 OK with Data', 202, ok(), result('complete')],
  ['202 OK with no transactions', 202, empty, result('empty')],
  ['301 OK with Data', 301, ok(), result('complete')],
  ['401 OK with Data', 401, ok(), result('complete')],
  ['404 OK with Data', 404, ok(), result('complete')],
  ['429 OK with Data', 429, ok(), result('complete')],
  ['500 OK with Data', 500, ok(), result('complete')],
  ['503 OK with no transactions', 503, empty, result('empty')],

  ['301 OK without Data', 301, withoutData, redirected],
  ['401 OK with Data null', 401, ok({ Data: null }), unauthorized],
  ['403 OK with Data []', 403, ok({ Data: [] }), unauthorized],
  ['404 OK without Data', 404, withoutData, rejected],
  ['500 OK with Data {}', 500, ok({ Data: {} }), temporary],
  ['500 OK with Data that is no Data', 500, ok({ Data: 'x' as never }), temporary],
  ['500 OK without OperationId', 500, withoutId, temporary],

  ['200 RETRY_IMMEDIATELY', 200, error('RETRY_IMMEDIATELY'), failure('RETRY_IMMEDIATELY', 'E201')],
  ['200 DO_NOT_RETRY', 200, error('DO_NOT_RETRY', 'P001'), failure('DO_NOT_RETRY', 'P001')],
  ['200 with an unknown Type', 200, error('LATER'), failure('LATER', 'E201')],
  ['200 with no Type', 200, error(undefined, 'A000'), failure(null, 'A000')],
  ['200 ERROR without Error, as in 2022', 200, withoutError, failure(null, null)],
  ['200 ERROR without OperationId', 200, noOperationId, failureWithout('DO_NOT_RETRY', 'P001')],
  ['202 with Status ERROR', 202, error('DO_NOT_RETRY'), failure('DO_NOT_RETRY', 'E201')],
  ['302 with a refused log-on', 302, logon, failure('RETRY_IMMEDIATELY', 'E101')],
  ['400 with an envelope', 400, error(undefined, 'P001'), failure(null, 'P001')],
  ['400 with a Type', 400, error('RETRY_IMMEDIATELY'), failure('RETRY_IMMEDIATELY', 'E201')],
  ['401 with a refused log-on', 401, logon, failure('RETRY_IMMEDIATELY', 'E101')],
  ['403 with a refused log-on', 403, logon, failure('RETRY_IMMEDIATELY', 'E101')],
  ['500 with an envelope', 500, error('DO_NOT_RETRY'), failure('DO_NOT_RETRY', 'E201')],
  ['503 with a refused log-on', 503, logon, failure('RETRY_IMMEDIATELY', 'E101')],
  [
    '500 ERROR with other fields that break the schema',
    500,
    { ...logon, OperationId: 7, Data: 'x', LifeSpan: [], AdditionalInformation: {} },
    failureWithout('RETRY_IMMEDIATELY', 'E101')
  ],
  [
    '500 ERROR with a key twice',
    500,
    twice(JSON.stringify(logon)),
    failure('RETRY_IMMEDIATELY', 'E101')
  ],
  [
    '200 ERROR with a Latin-1 byte',
    200,
    latin1(JSON.stringify(logon)),
    failure('RETRY_IMMEDIATELY', 'E101')
  ],
  [
    '503 ERROR that is nested too deep',
    503,
    JSON.stringify({ ...logon, X: JSON.parse('['.repeat(100) + ']'.repeat(100)) as unknown }),
    failure('RETRY_IMMEDIATELY', 'E101')
  ],

  ['200 with no body', 200, '', ambiguous],
  ['200 with a space', 200, ' ', ambiguous],
  ['200 with OK', 200, 'OK', ambiguous],
  ['200 with "OK"', 200, '"OK"', ambiguous],
  ['200 with garbage', 200, '\u0000\u0001\u0002', ambiguous],
  ['200 with null', 200, 'null', ambiguous],
  ['200 with []', 200, [], ambiguous],
  ['200 with {}', 200, {}, ambiguous],
  ['200 with a page', 200, html, ambiguous],
  ['200 with half an envelope', 200, JSON.stringify(ok()).slice(0, -5), ambiguous],
  ['200 with a result twice', 200, JSON.stringify(ok()).repeat(2), ambiguous],
  ['200 with a Status of its own', 200, { ...ok(), Status: 'DONE' }, ambiguous],
  ['200 with a Status in lower case', 200, { ...ok(), Status: 'ok' }, ambiguous],
  ['200 OK with Data that is a text', 200, { ...ok(), Data: 'x' }, ambiguous],
  ['200 OK with Data that is a list', 200, { ...ok(), Data: [{}] }, ambiguous],
  ['200 OK with Error that is a text', 200, { ...ok(), Error: 'x' }, ambiguous],
  ['200 OK without OperationId', 200, withoutId, ambiguous],
  ['200 OK with a long OperationId', 200, ok({ OperationId: 'x'.repeat(37) }), ambiguous],
  ['200 OK with a key twice', 200, twice(JSON.stringify(ok())), ambiguous],
  ['200 OK with a Latin-1 byte', 200, latin1(JSON.stringify(ok())), ambiguous],
  ['201', 201, '', ambiguous],
  ['202 with no body', 202, '', ambiguous],
  ['202 with garbage', 202, '\u0000\u0001', ambiguous],
  ['202 with JSON that is no envelope', 202, [1], ambiguous],
  ['202 with an odd OperationId', 202, { Status: 'OK', OperationId: 7 }, ambiguous],
  ['204', 204, '', ambiguous],
  ['299', 299, html, ambiguous],
  ['101', 101, '', ambiguous],

  ['300', 300, html, redirected],
  ['301', 301, '', redirected],
  ['302', 302, html, redirected],
  ['304', 304, '', redirected],
  ['307', 307, '', redirected],
  ['308', 308, '{}', redirected],
  ['400 with anything else', 400, html, rejected],
  ['401 with its JSON string', 401, '"Authorization failed"', unauthorized],
  ['401 with nothing', 401, '', unauthorized],
  ['403', 403, html, unauthorized],
  ['404', 404, html, rejected],
  ['405', 405, html, rejected],
  ['407', 407, html, rejected],
  ['408', 408, html, temporary],
  ['413', 413, html, rejected],
  ['415', 415, html, rejected],
  ['422', 422, '{}', rejected],
  ['425', 425, html, temporary],
  ['429', 429, '', temporary],
  ['500 with a raw Go error', 500, goError, temporary],
  ['502', 502, html, temporary],
  ['503', 503, html, temporary],
  ["504 with the gateway's page", 504, html, temporary],
  ['599', 599, '', temporary]
]

function bytesOf(content: unknown): Buffer {
  if (Buffer.isBuffer(content)) return content
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
}

for (const [what, status, content, answer] of TABLE) {
  t.test(`${what}: ${answer.type}`, async (t) => {
    const body = bytesOf(content)
    const classified = classify({ status, body }, NOW)
    t.match(classified, answer)
    if (classified.type === 'envelope') {
      if (classified.unreadable === undefined) t.equal(classified.body, body, 'as it came')
      else t.equal(classified.unreadable.body, body, 'as it came, beside what is written anew')
      return
    }
    if (classified.type !== 'acknowledged') t.equal(classified.detail, `HTTP ${status}`)
    const kept = classified.type === 'ambiguous' ? classified.unreadable : undefined
    const isKept = answer.type === 'ambiguous' && body.length > 0
    t.equal(kept?.body, isKept ? body : undefined, 'what a 2xx has brought is kept')
    t.equal((kept?.faults.length ?? 0) > 0, isKept, 'with what is wrong with it')
  })
}

t.test('a kept body is told by its kind', async (t) => {
  const kinds = [
    ['OK', 'not-json'],
    [twice(JSON.stringify(ok())), 'not-json'],
    ['[]', 'schema'],
    [JSON.stringify(withoutId), 'schema']
  ] as const
  for (const [content, kind] of kinds) {
    const body = Buffer.from(content)
    t.match(classify({ status: 200, body }, NOW), { unreadable: { kind, body } })
  }
})

t.test('an error that had to be written anew can be read by everyone', async (t) => {
  const odd = twice(
    JSON.stringify({ ...logon, Data: { __proto__x: [[]] } }).replace('{', '{"X":1e400,')
  )
  const answer = classify({ status: 500, body: Buffer.from(odd) }, NOW)
  if (answer.type !== 'envelope') throw new Error('it is no envelope')
  const parsed = parseJson(Buffer.from(answer.body))
  t.match(parsed, { ok: true, value: { Status: 'ERROR', Data: null, Error: { Code: 'E101' } } })
  t.match(answer.unreadable, { kind: 'not-json', body: Buffer.from(odd) })
})

t.test('a long body that is broken is not searched for an error', async (t) => {
  const body = Buffer.from(twice(JSON.stringify({ ...logon, X: 'x'.repeat(70_000) })))
  t.match(classify({ status: 503, body }, NOW), { type: 'temporary' })
  const whole = Buffer.from(JSON.stringify({ ...logon, X: 'x'.repeat(70_000) }))
  t.match(classify({ status: 503, body: whole }, NOW), failure('RETRY_IMMEDIATELY', 'E101'))
})

t.test('from a body that is cut or coded, an error is read and nothing else', async (t) => {
  const cut = { rule: 'cut', message: 'was cut short', code: 'ECONNRESET' } as const
  const coded = { rule: 'content-encoding', message: 'could not be decoded' } as const
  const from = (status: number, content: object, defect: Defect) =>
    classify({ status, body: bytes(content), defect }, NOW)
  t.match(from(500, logon, cut), failure('RETRY_IMMEDIATELY', 'E101'))
  t.match(from(500, ok(), cut), { type: 'temporary', detail: 'HTTP 500' })
  t.match(from(401, ok(), coded), { type: 'refused', detail: 'HTTP 401' })
  t.match(from(200, ok(), cut), {
    type: 'ambiguous',
    detail: 'ECONNRESET',
    unreadable: { kind: 'not-json', faults: [{ path: '', rule: 'cut' }], body: bytes(ok()) }
  })
  t.match(from(200, ok(), coded), {
    type: 'ambiguous',
    detail: 'HTTP 200',
    unreadable: { faults: [{ path: '', rule: 'content-encoding' }] }
  })
})

t.test('a Retry-After goes along with what may be sent again, and with an error', async (t) => {
  const retryAfter = ['1', '7']
  t.match(classify({ status: 429, retryAfter, body: Buffer.alloc(0) }, NOW), { retryAfterMs: 7000 })
  t.match(classify({ status: 200, retryAfter, body: bytes(logon) }, NOW), { retryAfterMs: 7000 })
  t.match(classify({ status: 503, body: Buffer.alloc(0) }, NOW), { retryAfterMs: null })
})
