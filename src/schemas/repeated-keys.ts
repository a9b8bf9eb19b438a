import { endOfText } from './scan.ts'

/** An open object or array, and the position of the scan in it. */
interface Open {
  /** The keys so far; null for an array. */
  readonly keys: Set<string> | null
  /** The key or the index of the current value. */
  at: string | number
  /** Whether the next string is a key. */
  isBeforeKey: boolean
}

/**
 * The paths of keys that occur more than once in one object: each path once, in the order of the text. The bytes must
 * be JSON. Only for files of our own operators, because the paths are part of the content.
 */
export function repeatedKeys(bytes: Uint8Array): (string | number)[][] {
  const open: Open[] = []
  const found = new Map<string, (string | number)[]>()
  for (let index = 0; index < bytes.length; index += 1) {
    const inner = open.at(-1)
    switch (String.fromCharCode(bytes[index] ?? 0)) {
      case '{':
        open.push({ keys: new Set(), at: '', isBeforeKey: true })
        break
      case '[':
        open.push({ keys: null, at: 0, isBeforeKey: false })
        break
      case '}':
      case ']':
        open.pop()
        break
      case ',':
        if (inner !== undefined) goOn(inner)
        break
      case '"': {
        const end = endOfText(bytes, index)
        if (inner?.isBeforeKey === true && isRepeated(inner, bytes.subarray(index, end + 1))) {
          const path = open.map(({ at }) => at)
          found.set(JSON.stringify(path), path)
        }
        index = end
      }
    }
  }
  return [...found.values()]
}

function goOn(inner: Open): void {
  inner.isBeforeKey = inner.keys !== null
  if (typeof inner.at === 'number') inner.at += 1
}

/** Adds the key. True if its object has it already, in any spelling. */
function isRepeated(inner: Open, text: Uint8Array): boolean {
  const key = String(JSON.parse(new TextDecoder().decode(text)))
  const isKnown = inner.keys?.has(key) === true
  inner.keys?.add(key)
  inner.at = key
  inner.isBeforeKey = false
  return isKnown
}
