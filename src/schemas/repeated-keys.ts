import { endOfText } from './scan.ts'

/** An object or array that is open, and where in it the scan is. */
interface Open {
  /** The keys so far; null in an array. */
  readonly keys: Set<string> | null
  /** The key or the index of the value that the scan is at. */
  at: string | number
  /** Whether the next string is a key. */
  isBeforeKey: boolean
}

/**
 * Where the keys stand that come more than once in one object: each path once, in the order of the text. The bytes
 * have to be JSON. For a file of our own callers: the paths are a part of what it says.
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

/** Takes the key in; true where its object has it already, in whatever spelling. */
function isRepeated(inner: Open, text: Uint8Array): boolean {
  const key = String(JSON.parse(new TextDecoder().decode(text)))
  const isKnown = inner.keys?.has(key) === true
  inner.keys?.add(key)
  inner.at = key
  inner.isBeforeKey = false
  return isKnown
}
