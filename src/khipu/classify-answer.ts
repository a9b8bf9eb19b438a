import type { Answer, Unreadable } from '../core/answer.ts'
import { causeOfHttpStatus } from '../core/error-cause.ts'
import { type Readable, readEnvelope, textOf } from '../core/envelope.ts'
import type { Fault } from '../schemas/generated.ts'
import { type ParsedJson, parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'
import { findError } from './find-error.ts'
import { readRetryAfter } from './retry-after.ts'

/** Khipu's HTTP answer. */
export interface HttpAnswer {
  readonly status: number
  /** The lines of the header Retry-After, as they were received. */
  readonly retryAfter?: readonly string[] | undefined
  /** The decoded body, unless there is a defect. */
  readonly body: Buffer
  /** Why the body is not what Khipu has sent. Only an error is read from it. */
  readonly defect?: Defect
}

/** Classifies an answer. For a large one this is done off the event loop. */
export type Classify = (http: HttpAnswer, now: number) => Promise<Answer> | Answer

/** A body that was cut short, that cannot be decoded, or that takes too much to read. */
export interface Defect {
  readonly rule: 'cut' | 'content-encoding' | 'too-much'
  readonly message: string
  /** The code of the error, if it says more than the HTTP status. */
  readonly code?: string
}

/**
 * Khipu's immediate answer, classified. An ERROR envelope counts whatever the HTTP status, and so does a result.
 * Khipu also answers with a JSON string as text/plain (401), a raw Go error (500) and an HTML page of its gateway
 * (504). Then only the HTTP status decides. A body with more JSON values than `mostValues` is unreadable.
 */
export function classify(http: HttpAnswer, now: number, mostValues?: number): Answer {
  const { status: httpStatus, body } = http
  const retryAfterMs = readRetryAfter(http.retryAfter, now)
  const parsed = parse(http, mostValues)
  const error = findError(parsed, body)
  if (error !== null) {
    const outcome = readEnvelope(error.envelope)
    const kept = error.isAsItCame ? {} : { unreadable: unreadable(parsed, body) }
    return { type: 'envelope', httpStatus, outcome, retryAfterMs, body: error.body, ...kept }
  }
  const envelope = readOk(parsed)
  if (envelope !== null && hasData(envelope)) {
    return { type: 'envelope', httpStatus, outcome: readEnvelope(envelope), retryAfterMs, body }
  }
  if (isSuccess(httpStatus) && envelope !== null) {
    const operationId = textOf(envelope.OperationId)
    return { type: 'acknowledged', httpStatus, operationId, lifeSpan: textOf(envelope.LifeSpan) }
  }
  return classifyStatus(http, parsed, retryAfterMs)
}

/** Classifies by the HTTP status alone, if the body is unreadable. */
function classifyStatus(http: HttpAnswer, parsed: Parsed, retryAfterMs: number | null): Answer {
  const { status: httpStatus, body, defect } = http
  const detail = `HTTP ${httpStatus}`
  if (httpStatus >= 300 && httpStatus < 400) {
    return { type: 'refused', httpStatus, cause: 'unreadable-answer', detail }
  }
  const cause = causeOfHttpStatus(httpStatus)
  if (cause === 'unauthorized' || cause === 'rejected') {
    return { type: 'refused', httpStatus, cause, detail }
  }
  if (cause !== undefined) return { type: 'temporary', httpStatus, retryAfterMs, detail }
  // Khipu may have accepted the request, and may have sent the result. A 2xx says so, and a 101 says nothing to the
  // contrary.
  const kept = body.length === 0 ? {} : { unreadable: unreadable(parsed, body) }
  return { type: 'ambiguous', detail: defect?.code ?? detail, ...kept }
}

function isSuccess(httpStatus: number): boolean {
  return httpStatus >= 200 && httpStatus < 300
}

type Parsed = ParsedJson | { readonly ok: false; readonly fault: Omit<Fault, 'path'> }

function parse({ body, defect }: HttpAnswer, mostValues?: number): Parsed {
  if (defect === undefined) return parseJson(body, mostValues)
  const { rule, message } = defect
  return { ok: false, fault: { rule, message } }
}

/** A valid envelope with Status OK. In an immediate answer a missing Data reads as null. */
function readOk(parsed: Parsed): Readable | null {
  if (!parsed.ok) return null
  const checked = check('khipu-envelope', withData(parsed.value))
  return checked.valid && checked.value.Status === 'OK' ? checked.value : null
}

function withData(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !('Data' in value)
    ? { ...value, Data: null }
    : value
}

/** `{"Transaction": []}` is an empty result; `{}`, `[]`, null and a missing Data are no result. */
function hasData({ Data }: Readable): boolean {
  return Object.keys(Data ?? {}).length > 0
}

function unreadable(parsed: Parsed, body: Buffer): Unreadable {
  if (!parsed.ok) return { body, kind: 'not-json', faults: [{ path: '', ...parsed.fault }] }
  const checked = check('khipu-envelope', withData(parsed.value), { list: 'all' })
  return { body, kind: 'schema', faults: checked.valid ? [] : checked.faults }
}
