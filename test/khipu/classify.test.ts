import t from 'tap'
import { classify, readRetryAfter } from '../../src/khipu/classify.ts'
import { error, ok } from '../support/callbacks.ts'

const NOW = Date.parse('2026-11-22T09:00:00Z')
const OPERATION = '6baf6c19-e485-463b-ae24-a821b025c8a4'

const acknowledged = { type: 'acknowledged', operationId: OPERATION, lifeSpan: null }
const acknowledgedBlindly = { ...acknowledged, operationId: null }
const temporary = { type: 'temporary', retryAfterMs: null }
const unreadable = { ...temporary, detail: 'unreadable answer' }
const unauthorized = { type: 'refused', cause: 'unauthorized' }
const rejected = { type: 'refused', cause: 'rejected' }
const result = (completeness: string) => ({
  type: 'envelope',
  outcome: { type: 'result', completeness, operationId: OPERATION }
})
const failure = (errorType: string | null, code: string | null) => ({
  type: 'envelope',
  outcome: { type: 'error', errorType, code, operationId: OPERATION }
})

const { Data: _data, ...withoutData } = ok()
const { Error: _error, ...withoutError } = ok({ Status: 'ERROR', Data: null })
const noOperationId = { Status: 'ERROR', Error: { Type: 'DO_NOT_RETRY', Code: 'P001' } }
const incomplete = ok({ AdditionalInformation: 'faltan datos' })
const html = '<html><head><title>504 Gateway Time-out</title></head></html>'
const goError = 'rpc error: code = Unavailable desc = connection refused'

interface Expected {
  readonly type: string
  readonly [detail: string]: unknown
}

type Row = [what: string, status: number, body: unknown, answer: Expected]

// A string is sent as it is, everything else as JSON.
const TABLE: readonly Row[] = [
  ['202 with Data null', 202, ok({ Data: null }), acknowledged],
  ['202 with Data {}', 202, ok({ Data: {} }), acknowledged],
  ['202 without Data', 202, withoutData, acknowledged],
  ['202 with AdditionalInformation', 202, { ...incomplete, Data: null }, acknowledged],
  [
    '202 with a LifeSpan',
    202,
    ok({ Data: null, LifeSpan: 'PT30M' }),
    { ...acknowledged, lifeSpan: 'PT30M' }
  ],
  ['202 with no body', 202, '', acknowledgedBlindly],
  ['202 with garbage', 202, '\u0000\u0001', acknowledgedBlindly],
  ['202 with JSON that is no envelope', 202, [1], acknowledgedBlindly],
  ['202 with an odd OperationId', 202, { Status: 'OK', OperationId: 7 }, acknowledgedBlindly],
  ['202 with Status ERROR', 202, error('DO_NOT_RETRY'), failure('DO_NOT_RETRY', 'E201')],
  ['200 OK with Data', 200, ok(), result('complete')],
  ['200 OK with transactions missing', 200, incomplete, result('incomplete')],
  ['200 OK with no transactions', 200, ok({ Data: { Transaction: [] } }), result('empty')],
  ['200 OK with Data null', 200, ok({ Data: null }), acknowledged],
  ['200 OK with Data {}', 200, ok({ Data: {} }), acknowledged],
  ['200 OK with Data []', 200, ok({ Data: [] }), acknowledged],
  ['200 OK without Data', 200, withoutData, acknowledged],
  ['200 OK with Data that breaks the schema', 200, { ...ok(), Data: 'x' }, unreadable],
  ['200 RETRY_IMMEDIATELY', 200, error('RETRY_IMMEDIATELY'), failure('RETRY_IMMEDIATELY', 'E201')],
  ['200 DO_NOT_RETRY', 200, error('DO_NOT_RETRY', 'P001'), failure('DO_NOT_RETRY', 'P001')],
  ['200 with an unknown Type', 200, error('LATER'), failure('LATER', 'E201')],
  ['200 with no Type', 200, error(undefined, 'A000'), failure(null, 'A000')],
  ['200 ERROR without Error, as in 2022', 200, withoutError, failure(null, null)],
  [
    '200 ERROR without OperationId',
    200,
    noOperationId,
    {
      type: 'envelope',
      outcome: { type: 'error', errorType: 'DO_NOT_RETRY', code: 'P001', operationId: null }
    }
  ],
  ['200 with garbage', 200, '\u0000\u0001\u0002', unreadable],
  ['200 with no body', 200, '', unreadable],
  ['200 with JSON that is no envelope', 200, 'null', unreadable],
  ['200 with a Status of its own', 200, { ...ok(), Status: 'DONE' }, unreadable],
  ['204', 204, '', unreadable],
  ['302', 302, html, unreadable],
  ['400 with an envelope', 400, error(undefined, 'P001'), failure(null, 'P001')],
  ['400 with a Type', 400, error('RETRY_IMMEDIATELY'), failure('RETRY_IMMEDIATELY', 'E201')],
  ['400 with anything else', 400, html, rejected],
  ['401 with its JSON string', 401, '"Authorization failed"', unauthorized],
  ['401 with nothing', 401, '', unauthorized],
  ['401 with Status OK', 401, ok(), unauthorized],
  ['403', 403, html, unauthorized],
  ['404', 404, html, rejected],
  ['405', 405, html, rejected],
  ['408', 408, html, temporary],
  ['413', 413, html, rejected],
  ['415', 415, html, rejected],
  ['422', 422, '{}', rejected],
  ['425', 425, html, temporary],
  ['429', 429, '', { ...temporary, detail: 'HTTP 429' }],
  ['500 with a raw Go error', 500, goError, { ...temporary, detail: 'HTTP 500' }],
  ['500 with an envelope', 500, error('DO_NOT_RETRY'), failure('DO_NOT_RETRY', 'E201')],
  ['500 with Status OK', 500, ok(), temporary],
  ['502', 502, html, temporary],
  ['503', 503, html, temporary],
  ["504 with the gateway's page", 504, html, { ...temporary, detail: 'HTTP 504' }]
]

for (const [what, status, content, answer] of TABLE) {
  t.test(`${what}: ${answer.type}`, async (t) => {
    const body = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
    const classified = classify({ status, retryAfter: undefined, body }, NOW)
    t.match(classified, { ...answer, httpStatus: status })
    if (classified.type === 'envelope')
      t.equal(classified.body, body, 'with the bytes as they came')
  })
}

const KEPT: readonly [what: string, status: number, content: string, kind: string | undefined][] = [
  ['garbage', 200, '\u0000\u0001', 'not-json'],
  ['JSON that is no envelope', 200, '[]', 'schema'],
  ['nothing', 200, '', undefined],
  ['a page of a gateway', 503, '<html>', undefined]
]
for (const [what, status, content, kind] of KEPT) {
  t.test(
    `${status} with ${what} ${kind === undefined ? 'leaves nothing to keep' : 'is kept'}`,
    async (t) => {
      const body = Buffer.from(content)
      const answer = classify({ status, retryAfter: '7', body }, NOW)
      t.match(answer, { type: 'temporary', retryAfterMs: 7000 })
      const kept = answer.type === 'temporary' ? answer.unreadable : undefined
      t.equal(kept?.kind, kind)
      t.equal(kept?.body, kind === undefined ? undefined : body)
      t.equal(kept?.faults.length, kind === undefined ? undefined : 1)
    }
  )
}

const RETRY_AFTER: readonly [text: string | undefined, ms: number | null][] = [
  ['1', 1000],
  [' 120 ', 120_000],
  ['0', 0],
  ['Sun, 22 Nov 2026 09:00:30 GMT', 30_000],
  ['Sun, 22 Nov 2026 08:00:00 GMT', 0],
  ['soon', null],
  ['', null],
  [undefined, null]
]

for (const [text, ms] of RETRY_AFTER) {
  t.test(`Retry-After ${text ?? 'absent'} is ${ms ?? 'no'} ms`, async (t) => {
    t.equal(readRetryAfter(text, NOW), ms)
    t.match(classify({ status: 429, retryAfter: text, body: Buffer.alloc(0) }, NOW), {
      type: 'temporary',
      retryAfterMs: ms
    })
  })
}
