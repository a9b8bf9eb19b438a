import type { Answer, Unreadable } from '../core/answer.ts'
import { causeOfHttpStatus } from '../core/error-cause.ts'
import { type Readable, readEnvelope, textOf } from '../core/envelope.ts'
import type { Fault } from '../schemas/generated.ts'
import { type ParsedJson, parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'
import { findError } from './find-error.ts'
import { readRetryAfter } from './retry-after.ts'

/** What came back over HTTP. */
export interface HttpAnswer {
  readonly status: number
  /** The lines of that header, as they came. */
  readonly retryAfter?: readonly string[] | undefined
  /** Decoded, unless a defect says otherwise. */
  readonly body: Buffer
  /** Why the body is not what Khipu has sent; nothing but an error is read from it. */
  readonly defect?: Defect
}

/** Classifies an answer. Of a large one that is done off the event loop. */
export type Classify = (http: HttpAnswer, now: number) => Promise<Answer> | Answer

/** A body that was cut short, that can't be decoded, or that takes too much to read. */
export interface Defect {
  readonly rule: 'cut' | 'content-encoding' | 'too-much'
  readonly message: string
  /** The error's code, where one tells more than the HTTP status. */
  readonly code?: string
}

/**
 * Khipu's immediate answer, classified. An ERROR envelope counts whatever the HTTP status, and so does a
 * result. Khipu also answers with a JSON string as text/plain (401), a raw Go error (500) and an HTML page of
 * its gateway (504): there the HTTP status is all there is. With more JSON values than `mostValues` it is unreadable.
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

/** What the HTTP status says where the body says nothing that can be read. */
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
  // Khipu may have taken the request, and may have sent the result: a 2xx says so, and a 101 nothing else.
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

/** An envelope with Status OK that breaks no rule; a missing Data reads as null in an immediate answer. */
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

/** `{"Transaction": []}` is an empty result; `{}`, `[]`, null and nothing at all are none. */
function hasData({ Data }: Readable): boolean {
  return Object.keys(Data ?? {}).length > 0
}

function unreadable(parsed: Parsed, body: Buffer): Unreadable {
  if (!parsed.ok) return { body, kind: 'not-json', faults: [{ path: '', ...parsed.fault }] }
  const checked = check('khipu-envelope', withData(parsed.value), { list: 'all' })
  return { body, kind: 'schema', faults: checked.valid ? [] : checked.faults }
}
