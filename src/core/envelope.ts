import type { Completeness, KhipuEnvelope } from '../schemas/generated.ts'

/** The content of a Khipu envelope without its data: enough to decide, small enough to store and log. */
export type Outcome =
  | {
      readonly type: 'result'
      readonly completeness: Completeness
      readonly operationId: string | null
    }
  | {
      readonly type: 'error'
      readonly errorType: string | null
      readonly code: string | null
      readonly operationId: string | null
    }

/** An immediate answer may lack fields that the schema requires of a callback. Only Status is required. */
export type Readable = Pick<KhipuEnvelope, 'Status'> & Partial<KhipuEnvelope>

/** True for a JSON object with the Status OK or ERROR, whatever its other fields are. */
export function isReadable(value: unknown): value is Readable {
  if (typeof value !== 'object' || value === null || !('Status' in value)) return false
  return value.Status === 'OK' || value.Status === 'ERROR'
}

/** Reads an envelope into its outcome: Status OK is a result, Status ERROR an error, whatever its other fields are. */
export function readEnvelope(envelope: Readable): Outcome {
  const operationId = textOf(envelope.OperationId)
  if (envelope.Status === 'OK') {
    return { type: 'result', completeness: completenessOf(envelope), operationId }
  }
  return {
    type: 'error',
    errorType: typeOf(envelope.Error?.Type),
    code: codeOf(envelope.Error?.Code),
    operationId
  }
}

/** True if Data holds nothing: null, absent, `{}`, `[]`, or only empty lists. */
export function isEmptyData(data: Readable['Data']): boolean {
  return Object.values(data ?? {}).every(isEmptyValue)
}

// Khipu documents neither the words nor the language of AdditionalInformation. It documents only that the field may say
// that Data is incomplete. Any content counts as that warning (an assumption, on the safe side).
function completenessOf(envelope: Readable): Completeness {
  if (saysSomething(envelope.AdditionalInformation)) return 'incomplete'
  return isEmptyData(envelope.Data) ? 'empty' : 'complete'
}

/** True for all but null, absence, blank text, `{}` and `[]`. The type of AdditionalInformation is not enforced. */
function saysSomething(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== ''
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return value !== null && value !== undefined
}

/** Longer than any word from Khipu. The record takes over no longer text, and nothing but text. */
const MOST_CHARACTERS = 100

/** A word from Khipu, out of an unvalidated answer; null for any other value. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.length <= MOST_CHARACTERS ? value : null
}

// A Type that is present but not a word is unknown. Only without a Type does the HTTP status decide.
function typeOf(value: unknown): string | null {
  return value === null || value === undefined ? null : (textOf(value) ?? '')
}

// A code is recognised in spite of any number of spaces around it.
function codeOf(value: unknown): string | null {
  if (typeof value === 'number') return String(value)
  return textOf(value) ?? (typeof value === 'string' ? textOf(value.trim()) : null)
}

function isEmptyValue(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0)
}
