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
