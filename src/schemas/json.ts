import { isUtf8 } from 'node:buffer'
import { scan } from './scan.ts'

export { parseJsonExactly } from './exact-json.ts'

/** Why bytes are not JSON in our sense. `rule` is a word for programs. */
export interface JsonFault {
  readonly rule:
    'utf-8' | 'json' | 'depth' | 'values' | 'number' | 'key' | 'duplicate-key' | 'prototype'
  readonly message: string
}

export type ParsedJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: JsonFault }

/** Deeper than any envelope, and shallow enough for any JSON writer of a consumer. */
const MOST_DEPTH = 64
/** Longer than any amount, and short enough for every JSON reader. */
const LONGEST_NUMBER = 1000
/** The number of values that one process can build within 256 MB of heap, whatever they are. */
export const MOST_VALUES = 1_000_000

/**
 * Reads bytes as JSON (RFC 8259), whatever their content type, so that every later reader reads the same.
 * The rules: valid UTF-8 (a byte order mark is skipped), limited depth, limited number of values, limited length of a
 * number. No object has the same key twice. No key contains a backslash, or could reach an object's prototype.
 */
export function parseJson(bytes: Uint8Array, mostValues = MOST_VALUES): ParsedJson {
  if (!isUtf8(bytes)) return refuse('utf-8', 'is not UTF-8')
  const scanned = scan(bytes, { depth: MOST_DEPTH, values: mostValues })
  const { depth, values, members, number, hasBackslashKey } = scanned
  if (depth > MOST_DEPTH) return refuse('depth', `is nested deeper than ${MOST_DEPTH} levels`)
  if (values > mostValues)
    return refuse('values', `has more than ${mostValues} values, which is the limit here`)
  if (number > LONGEST_NUMBER)
    return refuse('number', `has a number of over ${LONGEST_NUMBER} digits`)
  if (hasBackslashKey) return refuse('key', 'has a key with a backslash in it')
  const value = parse(bytes)
  if (value === undefined) return refuse('json', 'is not JSON')
  const keys = { count: 0, reachPrototype: false }
  inspectKeys(value, keys)
  if (keys.reachPrototype) return refuse('prototype', 'has a key that reaches for a prototype')
  if (keys.count !== members) return refuse('duplicate-key', 'has a key twice in one object')
  return { ok: true, value }
}

function refuse(rule: JsonFault['rule'], message: string): ParsedJson {
  return { ok: false, fault: { rule, message } }
}

/** It skips a byte order mark. */
const UTF_8 = new TextDecoder()

/** JSON has no undefined, so undefined means that the text is not JSON. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(UTF_8.decode(bytes))
  } catch {
    return undefined
  }
}

interface Keys {
  /** The number of keys. A repeated key of an object counts once. */
  count: number
  reachPrototype: boolean
}

/** Counts the keys of the parsed value by recursion. The depth is limited, and a list of pending nodes would grow. */
function inspectKeys(node: unknown, found: Keys): void {
  if (typeof node !== 'object' || node === null) return
  if (Array.isArray(node)) {
    for (const child of node) if (typeof child === 'object') inspectKeys(child, found)
    return
  }
  const keys = Object.keys(node)
  found.count += keys.length
  found.reachPrototype ||= Object.hasOwn(node, '__proto__') || hasOwnPrototype(node)
  for (const key of keys) {
    const child: unknown = Reflect.get(node, key)
    if (typeof child === 'object') inspectKeys(child, found)
  }
}

/** `{"constructor": {"prototype": …}}`, which a careless merge would follow. */
function hasOwnPrototype(node: object): boolean {
  const own: unknown = Object.hasOwn(node, 'constructor') && Reflect.get(node, 'constructor')
  return typeof own === 'object' && own !== null && Object.hasOwn(own, 'prototype')
}
