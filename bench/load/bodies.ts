import { randomInt, randomUUID } from 'node:crypto'
import { bytesOf } from '../../simulator/envelope.ts'

/** What the body of a call is. Each call of one run gets an id of its own in it. */
export type BodyKind =
  | { readonly kind: 'none' }
  | { readonly kind: 'request' }
  | { readonly kind: 'error'; readonly errorType: string }
  | { readonly kind: 'callback'; readonly bytes: number }
  | { readonly kind: Shape; readonly bytes: number }

/** Shapes of JSON that cost a reader more than realistic transactions. */
export type Shape = keyof typeof FILLINGS

/** A body without its id: a new id of always the same length stands between head and tail. */
export interface Body {
  readonly head: string
  readonly tail: Buffer
  readonly newId: () => string
}

const MARK = '00000000-0000-4000-8000-000000000000'
const ACCOUNT = '873458'

export function bodyOf(kind: BodyKind): Body {
  switch (kind.kind) {
    case 'none':
      return { head: '', tail: Buffer.alloc(0), newId: () => '' }
    case 'request':
      return split(JSON.stringify({ RequestData: { AccountNumber: MARK } }), newAccount)
    case 'error':
      return split(errorOf(kind.errorType), randomUUID)
    case 'callback':
      return split(callbackOf(kind.bytes), randomUUID)
    default:
      return split(shapeOf(kind.kind, kind.bytes), randomUUID)
  }
}

function split(text: string, newId: () => string): Body {
  const at = text.indexOf(MARK)
  return { head: text.slice(0, at), tail: Buffer.from(text.slice(at + MARK.length)), newId }
}

/** Khipu takes account numbers of at most 20 characters. */
function newAccount(): string {
  const part = () => String(randomInt(10 ** 9)).padStart(9, '0')
  return `B${part()}${part()}`
}

/** A callback in the shape of Khipu's sample, with as many transactions as come closest to the size. */
function callbackOf(bytes: number): string {
  const text = (count: number) =>
    bytesOf({ kind: 'transactions', count }, { operationId: MARK, account: ACCOUNT }).toString()
  const empty = text(0).length
  const count = Math.max(1, Math.round((bytes - empty) / ((text(100).length - empty) / 100)))
  return text(count)
}

function errorOf(errorType: string): string {
  const error = { Code: 'B100', Type: errorType, Description: 'The bank is not available.' }
  return bytesOf({ kind: 'error', error }, { operationId: MARK, account: ACCOUNT }).toString()
}

const repeated = (unit: (index: number) => string, bytes: number) => {
  const parts: string[] = []
  for (let size = 0, index = 0; size < bytes; index++) {
    const part = unit(index)
    parts.push(part)
    size += part.length + 1
  }
  return parts.join(',')
}

const DEPTH = 500
const nest = '['.repeat(DEPTH) + ']'.repeat(DEPTH)

const FILLINGS = {
  'empty lists': (bytes: number) => `[${repeated(() => '[]', bytes)}]`,
  'nested lists': (bytes: number) => `[${repeated(() => nest, bytes)}]`,
  'distinct keys': (bytes: number) => `{${repeated((index) => `"k${index}":0`, bytes)}}`,
  'long numbers': (bytes: number) => `[${repeated(() => '12345678901234567890123', bytes)}]`,
  exponents: (bytes: number) => `[1e5,${repeated(() => '{}', bytes)}]`
} as const

function shapeOf(shape: Shape, bytes: number): string {
  const envelope = { OperationId: MARK, Status: 'OK', Data: null, Error: null, LifeSpan: null }
  const text = JSON.stringify(envelope)
  return `${text.slice(0, -1)},"AdditionalInformation":${FILLINGS[shape](bytes)}}`
}
