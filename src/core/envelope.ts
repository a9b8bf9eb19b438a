import type { Completeness, KhipuEnvelope } from '../schemas/generated.ts'

/** What a Khipu envelope says, without its data: enough to decide, small enough to keep and to log. */
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

/** An immediate answer may lack what the schema asks of a callback; its Status is all that must be there. */
export type Readable = Pick<KhipuEnvelope, 'Status'> & Partial<KhipuEnvelope>

/** True for a JSON object with the Status OK or ERROR, whatever else is in it. */
export function isReadable(value: unknown): value is Readable {
  if (typeof value !== 'object' || value === null || !('Status' in value)) return false
  return value.Status === 'OK' || value.Status === 'ERROR'
}

/** Reads an envelope into its outcome: Status OK is a result, Status ERROR an error, whatever else is in it. */
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

/** True where Data holds nothing: null, absent, `{}`, `[]`, or only empty lists. */
export function isEmptyData(data: Readable['Data']): boolean {
  return Object.values(data ?? {}).every(isEmptyValue)
}

// Khipu documents neither the words nor the language of AdditionalInformation, only that it may say
// that Data is incomplete: whatever it says is taken as that warning (an assumption, on the safe side).
function completenessOf(envelope: Readable): Completeness {
  if (saysSomething(envelope.AdditionalInformation)) return 'incomplete'
  return isEmptyData(envelope.Data) ? 'empty' : 'complete'
}

/** True for all but null, absence, blank text, `{}` and `[]`: the kind of AdditionalInformation is not enforced. */
function saysSomething(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== ''
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return value !== null && value !== undefined
}

/** Longer than any word of Khipu's; what is longer, or no text, is not taken over into the record. */
const LONGEST_WORD = 100

/** A word of Khipu's, from an answer that nobody has checked; null for whatever is none. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.length <= LONGEST_WORD ? value : null
}

// A Type that is there and is no word is an unknown one: only a missing one lets the HTTP status decide.
function typeOf(value: unknown): string | null {
  return value === null || value === undefined ? null : (textOf(value) ?? '')
}

// Spaces around a code must not hide it, however many they are.
function codeOf(value: unknown): string | null {
  if (typeof value === 'number') return String(value)
  return textOf(value) ?? (typeof value === 'string' ? textOf(value.trim()) : null)
}

function isEmptyValue(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0)
}
