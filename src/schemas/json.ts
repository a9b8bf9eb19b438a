/** What is wrong with bytes that are not JSON in our sense. `rule` is a word for programs. */
export interface JsonFault {
  readonly rule: 'utf-8' | 'json' | 'depth' | 'number' | 'key' | 'duplicate-key' | 'prototype'
  readonly message: string
}

export type ParsedJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: JsonFault }

/** Deeper than any envelope, and shallow enough for every JSON writer that a consumer may use. */
const MOST_DEPTH = 64
/** Longer than any amount, and short enough for every reader. */
const LONGEST_NUMBER = 1000

/**
 * Reads bytes as JSON (RFC 8259), whatever their content type says, so that every reader after us reads the
 * same: UTF-8 to the byte (a byte order mark is passed over), not too deep, no endless number, no key twice
 * in an object, and none that holds a backslash or could reach an object's prototype.
 */
export function parseJson(bytes: Uint8Array): ParsedJson {
  const text = decode(bytes)
  if (text === null) return refuse('utf-8', 'is not UTF-8')
  const { depth, members, number, hasBackslashKey } = measure(text)
  if (depth > MOST_DEPTH) return refuse('depth', `is nested deeper than ${MOST_DEPTH} levels`)
  if (number > LONGEST_NUMBER)
    return refuse('number', `has a number of over ${LONGEST_NUMBER} digits`)
  if (hasBackslashKey) return refuse('key', 'has a key with a backslash in it')
  const value = parse(text)
  if (value === undefined) return refuse('json', 'is not JSON')
  const keys = inspectKeys(value)
  if (keys.reachPrototype) return refuse('prototype', 'has a key that reaches for a prototype')
  if (keys.count !== members) return refuse('duplicate-key', 'has a key twice in one object')
  return { ok: true, value }
}

/** Where a number's text may mean more than a double can hold: many digits, or an exponent. */
const PERHAPS_INEXACT = /[:[,\s]-?\d(?:[\d.]{15}|[\d.]{0,15}[eE])/

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
    .replace(/[eE][-+]?\d+$/, '')
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

/** JSON has no undefined: that is what stands for text that is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What is found out about a text before anything is built from it, and no further than too deep. */
interface Measured {
  /** How deep brackets go outside of strings. */
  depth: number
  /** How many members its objects have in all: there is a colon to each. */
  members: number
  /** The length of the longest number. */
  number: number
  /**
   * A key with a backslash, in any spelling. V8 remembers the keys of objects and holds them against the
   * text of later ones: having read `"a\\u"` it reads `"a\u0062"` as the same key
   * (https://github.com/nodejs/node/issues/63785). What was never read can't be remembered.
   */
  hasBackslashKey: boolean
}

const NO_STRING: readonly [start: number, end: number] = [0, 0]

const NUMBER_PART = new Set('0123456789.eE+-')

function measure(text: string): Measured {
  const found: Measured = { depth: 0, members: 0, number: 0, hasBackslashKey: false }
  let depth = 0
  let digits = 0
  let lastString = NO_STRING
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index)
    if (char === '"') {
      lastString = [index, endOfString(text, index)]
      index = lastString[1]
      digits = 0
      continue
    }
    digits = NUMBER_PART.has(char) ? digits + 1 : 0
    found.number = Math.max(found.number, digits)
    if (char === ':') {
      found.members += 1
      found.hasBackslashKey ||= BACKSLASH.test(text.slice(...lastString))
      // A second colon is no JSON: it has no key, and a long one is not to be looked through for each.
      lastString = NO_STRING
    } else if (char === '}' || char === ']') depth -= 1
    else if (char === '{' || char === '[') {
      depth += 1
      found.depth = Math.max(found.depth, depth)
      if (found.depth > MOST_DEPTH) break
    }
  }
  return found
}

/** A backslash that is meant as one. */
const BACKSLASH = /\\\\|\\u005[cC]/

/** Where the string ends that begins there: at its closing quote, or at the end of the text. */
function endOfString(text: string, start: number): number {
  let index = start + 1
  while (index < text.length && text.charAt(index) !== '"') {
    index += text.charAt(index) === '\\' ? 2 : 1
  }
  return index
}

/** How many keys there are in what was built, where a key that came twice is one. */
function inspectKeys(value: unknown): { count: number; reachPrototype: boolean } {
  const open = [value]
  let count = 0
  let reachPrototype = false
  while (open.length > 0) {
    const node = open.pop()
    if (typeof node !== 'object' || node === null) continue
    const children: readonly unknown[] = Array.isArray(node) ? node : Object.values(node)
    if (!Array.isArray(node)) {
      count += children.length
      reachPrototype ||= Object.hasOwn(node, '__proto__') || hasOwnPrototype(node)
    }
    for (const child of children) if (typeof child === 'object') open.push(child)
  }
  return { count, reachPrototype }
}

/** `{"constructor": {"prototype": …}}`, which a careless merge would follow. */
function hasOwnPrototype(node: object): boolean {
  const own: unknown = Object.hasOwn(node, 'constructor') && Reflect.get(node, 'constructor')
  return typeof own === 'object' && own !== null && Object.hasOwn(own, 'prototype')
}
