/** The properties of a JSON text before anything is built from it. The scan ends at the first exceeded limit. */
export interface Scanned {
  /** The depth of brackets outside strings. */
  readonly depth: number
  /** The number of objects, arrays, strings, numbers and literals, without keys. */
  readonly values: number
  /** The total number of object members: each has one colon. */
  readonly members: number
  /** The length of the longest number. */
  readonly number: number
  /**
   * Whether a key contains a backslash, in any spelling. V8 caches object keys and compares later texts with them.
   * After it has read `"a\\u"` it reads `"a\u0062"` as the same key (https://github.com/nodejs/node/issues/63785). A
   * text that is rejected first never enters the cache.
   */
  readonly hasBackslashKey: boolean
}

export interface ScanBounds {
  readonly depth: number
  readonly values: number
}

const OTHER = 0
const SPACE = 1
const NUMBER = 2
const QUOTE = 3
const OPEN = 4
const CLOSE = 5
const COLON = 6
const KINDS = kindsOf([
  [SPACE, ' \t\r\n,'],
  [NUMBER, '0123456789.eE+-'],
  [QUOTE, '"'],
  [OPEN, '{['],
  [CLOSE, '}]'],
  [COLON, ':']
])

/** Reads every byte once and builds nothing. Its time and memory do not depend on the content of the bytes. */
export function scan(bytes: Uint8Array, most: ScanBounds): Scanned {
  let open = 0
  let depth = 0
  let items = 0
  let members = 0
  let number = 0
  let digits = 0
  let isInWord = false
  let hasBackslashKey = false
  let text = NO_TEXT
  for (let index = 0; index < bytes.length; index += 1) {
    const kind = KINDS[bytes[index] ?? 0]
    if (kind === OTHER || kind === NUMBER) {
      if (!isInWord) items += 1
      isInWord = true
      digits = kind === NUMBER ? digits + 1 : 0
      if (digits > number) number = digits
      continue
    }
    isInWord = false
    digits = 0
    if (kind === SPACE) continue
    if (kind === QUOTE) {
      items += 1
      text = { start: index, end: endOfText(bytes, index) }
      index = text.end
    } else if (kind === COLON) {
      members += 1
      hasBackslashKey ||= showsBackslash(bytes, text)
      // A second colon is not JSON. It has no key, and a long key must not be searched for each colon.
      text = NO_TEXT
    } else if (kind === CLOSE) open -= 1
    else {
      open += 1
      items += 1
      if (open > depth) depth = open
    }
    if (depth > most.depth || items - members > most.values) break
  }
  return { depth, values: items - members, members, number, hasBackslashKey }
}

interface Text {
  readonly start: number
  readonly end: number
}

const NO_TEXT: Text = { start: 0, end: 0 }
const BACKSLASH_BYTE = 0x5c
const QUOTE_BYTE = 0x22

/** The end of the string that begins at `start`: its closing quote, or the end of the bytes. */
export function endOfText(bytes: Uint8Array, start: number): number {
  let index = start + 1
  while (index < bytes.length && bytes[index] !== QUOTE_BYTE) {
    index += bytes[index] === BACKSLASH_BYTE ? 2 : 1
  }
  return index
}

/** A backslash that stands for itself. */
const BACKSLASH = /\\\\|\\u005[cC]/

function showsBackslash(bytes: Uint8Array, { start, end }: Text): boolean {
  let index = start
  while (index < end && bytes[index] !== BACKSLASH_BYTE) index += 1
  if (index >= end) return false
  const key = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
  return BACKSLASH.test(key.toString('latin1'))
}

function kindsOf(rows: readonly (readonly [kind: number, chars: string])[]): Uint8Array {
  const kinds = new Uint8Array(256)
  for (const [kind, chars] of rows) for (const byte of Buffer.from(chars)) kinds[byte] = kind
  return kinds
}
