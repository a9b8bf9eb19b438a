import { randomUUID } from 'node:crypto'

/**
 * Reads bytes that parseJson has accepted, so that JSON.stringify writes every number with its original digits.
 * A double would lose them: 12345678901234567890, 1e400, 0.10, -0.0. A reviver would take over a hundred times the
 * memory of the text. So inexact numbers are first read as marked strings.
 */
export function parseJsonExactly(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes)
  // The mark is random, so the author of a text cannot know it.
  const mark = `number:${randomUUID()}:`
  const marked = markInexact(text, mark)
  return marked === text ? JSON.parse(text) : withNumbers(JSON.parse(marked), mark)
}

// `rawJSON` belongs to ECMAScript 2026 and is in Node since version 22. TypeScript does not know it yet.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }

const DIGIT_OR_SIGN = /[-\d]/
const NUMBER = /-?\d[\d.eE+-]*/y

function markInexact(text: string, mark: string): string {
  const pieces: string[] = []
  let taken = 0
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index)
    if (char === '"') index = endOfString(text, index)
    if (!DIGIT_OR_SIGN.test(char)) continue
    NUMBER.lastIndex = index
    const [source = char] = NUMBER.exec(text) ?? []
    if (String(Number(source)) !== source) {
      pieces.push(text.slice(taken, index), `"${mark}${source}"`)
      taken = index + source.length
    }
    index += source.length - 1
  }
  return pieces.length === 0 ? text : [...pieces, text.slice(taken)].join('')
}

function endOfString(text: string, start: number): number {
  let index = start + 1
  while (index < text.length && text.charAt(index) !== '"') {
    index += text.charAt(index) === '\\' ? 2 : 1
  }
  return index
}

/** The recursion is as deep as the value, which is limited. Each marked string is replaced by its number in place. */
function withNumbers(value: unknown, mark: string): unknown {
  if (typeof value === 'string') {
    return value.startsWith(mark) ? rawJSON(value.slice(mark.length)) : value
  }
  if (typeof value !== 'object' || value === null) return value
  const node = value as Record<string, unknown>
  for (const key of Object.keys(node)) {
    const child = node[key]
    const read = withNumbers(child, mark)
    if (read !== child) node[key] = read
  }
  return node
}
