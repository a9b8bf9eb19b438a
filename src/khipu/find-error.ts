import type { Readable } from '../core/envelope.ts'

/** An envelope with Status ERROR, and its bytes. */
export interface FoundError {
  readonly envelope: Readable
  readonly body: Buffer
  /** False if the error was written anew, because the received bytes break rules that all our readers rely on. */
  readonly isAsItCame: boolean
}

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false }

/** An error is short. A longer body that is also broken is not worth the memory. */
const MOST_BROKEN_BYTES = 64 * 1024

/**
 * Finds Status ERROR in any JSON object, even with a repeated key or an invalid UTF-8 byte. If rejected bank
 * credentials were overlooked, they would be tried again, and the bank would lock the account. Null if there is no
 * error.
 */
export function findError(parsed: Parsed, body: Buffer): FoundError | null {
  if (parsed.ok) {
    return isError(parsed.value) ? { envelope: parsed.value, body, isAsItCame: true } : null
  }
  if (body.length > MOST_BROKEN_BYTES) return null
  const value = parseLeniently(body)
  if (!isError(value)) return null
  const envelope = essenceOf(value)
  return { envelope, body: Buffer.from(JSON.stringify(envelope)), isAsItCame: false }
}

function isError(value: unknown): value is Readable {
  return (
    typeof value === 'object' && value !== null && 'Status' in value && value.Status === 'ERROR'
  )
}

function parseLeniently(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return null
  }
}

/** The fields of an error that decide or inform: texts and numbers, nothing nested. */
function essenceOf({ OperationId, Error: error }: Readable): Readable {
  const { Code, Type, Description } = error ?? {}
  return {
    ...pickScalars({ OperationId }),
    Status: 'ERROR',
    Data: null,
    Error: pickScalars({ Code, Type, Description })
  }
}

function pickScalars(fields: object): Record<string, string> {
  const scalars = Object.entries(fields).filter(([, value]) =>
    ['string', 'number'].includes(typeof value)
  )
  return Object.fromEntries(scalars)
}
