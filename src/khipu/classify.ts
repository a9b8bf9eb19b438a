import type { Answer, Unreadable } from '../core/answer.ts'
import { causeOfHttpStatus } from '../core/cause.ts'
import { isEmptyData, readEnvelope, type Readable, textOf } from '../core/envelope.ts'
import { type ParsedJson, parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'

/** What came back over HTTP, whole. */
export interface HttpAnswer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: Buffer
}

/**
 * Khipu's immediate answer, classified. An ERROR envelope counts whatever the HTTP status: its
 * Error.Type decides. Khipu also answers with a JSON string as text/plain (401), a raw Go error (500)
 * and an HTML page of its gateway (504): there the HTTP status is all there is.
 */
export function classify(http: HttpAnswer, now: number): Answer {
  const { status: httpStatus, body } = http
  const parsed = parseJson(body)
  const envelope = parsed.ok && isEnvelope(parsed.value) ? parsed.value : undefined
  const retryAfterMs = readRetryAfter(http.retryAfter, now)
  if (envelope?.Status === 'ERROR') {
    return { type: 'envelope', httpStatus, outcome: readEnvelope(envelope), retryAfterMs, body }
  }
  const cause = causeOfHttpStatus(httpStatus)
  if (cause === 'unauthorized' || cause === 'rejected') {
    return { type: 'refused', httpStatus, cause }
  }
  if (cause === undefined && (httpStatus === 202 || envelope?.Status === 'OK')) {
    return accepted(httpStatus, envelope, body)
  }
  const detail = cause === undefined ? 'unreadable answer' : `HTTP ${httpStatus}`
  const kept = httpStatus === 200 ? unreadable(parsed, body) : {}
  return { type: 'temporary', httpStatus, retryAfterMs, detail, ...kept }
}

// A 200 with Data is the result itself. Without Data it acknowledges, as a 202 always does: a callback
// was asked for, and what Data and LifeSpan hold in an acknowledgement is documented nowhere.
function accepted(httpStatus: number, envelope: Readable | undefined, body: Buffer): Answer {
  if (httpStatus === 202 || envelope === undefined || isEmptyObject(envelope.Data)) {
    const operationId = textOf(envelope?.OperationId)
    const lifeSpan = textOf(envelope?.LifeSpan)
    return { type: 'acknowledged', httpStatus, operationId, lifeSpan }
  }
  if (check('khipu-envelope', envelope).valid) {
    return {
      type: 'envelope',
      httpStatus,
      outcome: readEnvelope(envelope),
      retryAfterMs: null,
      body
    }
  }
  const kept = unreadable({ ok: true, value: envelope }, body)
  const detail = 'unreadable answer'
  return { type: 'temporary', httpStatus, retryAfterMs: null, detail, ...kept }
}

/** A 200 that can't be read as it stands may be a result all the same: its body goes along, to be kept. */
function unreadable(parsed: ParsedJson, body: Buffer): { readonly unreadable?: Unreadable } {
  if (body.length === 0) return {}
  if (!parsed.ok) {
    const faults = [{ path: '', ...parsed.fault }]
    return { unreadable: { body, kind: 'not-json', faults } }
  }
  const checked = check('khipu-envelope', parsed.value, { list: 'all' })
  const faults = checked.valid ? [] : checked.faults
  return { unreadable: { body, kind: 'schema', faults } }
}

function isEnvelope(value: unknown): value is Readable {
  if (typeof value !== 'object' || value === null || !('Status' in value)) return false
  return value.Status === 'OK' || value.Status === 'ERROR'
}

// `{"Transaction": []}` is an empty result, `{}`, `[]`, null and nothing at all are none.
function isEmptyObject(data: Readable['Data']): boolean {
  return isEmptyData(data) && Object.keys(data ?? {}).length === 0
}

/** Retry-After in ms, from its seconds or its date (RFC 9110); null where there is none to be read. */
export function readRetryAfter(value: string | undefined, now: number): number | null {
  const text = (value ?? '').trim()
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}
