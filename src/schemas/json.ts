/** What is wrong with bytes that are not JSON in our sense. `rule` is a word for programs. */
export interface JsonFault {
  readonly rule: 'utf-8' | 'json' | 'depth'
  readonly message: string
}

export type ParsedJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: JsonFault }

/** Deeper than any envelope, and shallow enough for every JSON writer that a consumer may use. */
const MOST_DEPTH = 64

/** Reads bytes as JSON (RFC 8259), whatever their content type says: UTF-8 to the byte, and not too deep. */
export function parseJson(bytes: Uint8Array): ParsedJson {
  const text = decode(bytes)
  if (text === null) return refuse('utf-8', 'is not UTF-8')
  if (isTooDeep(text)) return refuse('depth', `is nested deeper than ${MOST_DEPTH} levels`)
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return refuse('json', 'is not JSON')
  }
}

/** Where a number's text may mean more than a double can hold: many digits, or an exponent. */
const PERHAPS_INEXACT = /[:[,\s]-?(?:\d[\d.]{15,}|\d[\d.]*[eE][-+]?\d)/

/**
 * Reads bytes that parseJson has accepted, so that JSON.stringify gives every number back as it was
 * written, where a double would have changed it: 12345678901234567890, 1e400.
 */
export function parseJsonExactly(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes)
  return PERHAPS_INEXACT.test(text) ? JSON.parse(text, keepInexact) : JSON.parse(text)
}

// Both are of ECMAScript 2026 and in Node since 22; TypeScript does not know them yet.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }

function keepInexact(
  _key: string,
  value: unknown,
  context?: { readonly source?: string }
): unknown {
  const { source } = context ?? {}
  if (typeof value !== 'number' || source === undefined) return value
  return isExact(value, source) ? value : rawJSON(source)
}

function isExact(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false
  const digits = source
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
  return digits.length <= 15 && (value !== 0 || digits === '')
}

function refuse(rule: JsonFault['rule'], message: string): ParsedJson {
  return { ok: false, fault: { rule, message } }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

/** Looks at the brackets outside of strings, before anything is built from them. */
function isTooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index]
    if (inString) {
      if (char === '\\') index += 1
      else inString = char !== '"'
      continue
    }
    if (char === '"') inString = true
    else if (char === '{' || char === '[') depth += 1
    else if (char === '}' || char === ']') depth -= 1
    if (depth > MOST_DEPTH) return true
  }
  return false
}
