import type { Readable } from '../core/envelope.ts'

/** An envelope with Status ERROR, and the bytes that say so. */
export interface FoundError {
  readonly envelope: Readable
  readonly body: Buffer
  /** False where the error was written anew: what came breaks the rules that every reader of ours relies on. */
  readonly isAsItCame: boolean
}

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false }

/** An error is short. What is longer, and broken as well, is not worth the memory. */
const MOST_BROKEN_BYTES = 64 * 1024

/**
 * Status ERROR in any JSON object, also in one with a key twice or a byte that is no UTF-8: a refused log-on
 * that is overlooked is tried again, and the bank locks the account. Null where there is none.
 */
export function findError(parsed: Parsed, body: Buffer): FoundError | null {
  if (parsed.ok) {
    return isError(parsed.value) ? { envelope: parsed.value, body, isAsItCame: true } : null
  }
  if (body.length > MOST_BROKEN_BYTES) return null
  const value = parseAnyhow(body)
  if (!isError(value)) return null
  const envelope = essenceOf(value)
  return { envelope, body: Buffer.from(JSON.stringify(envelope)), isAsItCame: false }
}

function isError(value: unknown): value is Readable {
  return (
    typeof value === 'object' && value !== null && 'Status' in value && value.Status === 'ERROR'
  )
}

function parseAnyhow(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return null
  }
}

/** The parts of an error that decide, and that tell people what happened: texts and numbers, nothing nested. */
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
