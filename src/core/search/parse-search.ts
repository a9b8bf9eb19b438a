import { WHY } from '../explain/texts.ts'
import { STATES } from '../request.ts'
import { splitWords } from './split-words.ts'

/** What a word of a search may begin with. */
export const QUALIFIERS = [
  'state',
  'reason',
  'code',
  'service',
  'bank',
  'since',
  'until',
  'older',
  'due',
  'reference',
  'operation',
  'account'
] as const
export type Qualifier = (typeof QUALIFIERS)[number]

/** The values of each qualifier, as they were written. */
export type SearchFilters = Readonly<Partial<Record<Qualifier, string>>>

/** Why a search can not be read. Nothing of it is ever left out silently. */
export type Mistake =
  | { readonly type: 'unknown-qualifier'; readonly word: string; readonly known: readonly string[] }
  | { readonly type: 'free-text'; readonly word: string }
  | { readonly type: 'repeated'; readonly word: string }
  | {
      readonly type: 'unknown-value'
      readonly word: string
      /** The values that there are, or what they look like. */
      readonly known: readonly string[]
    }

/** What a search asks for: one request, or operation of Khipu's or of the API, by its id; or all requests that match. */
export type Search =
  | { readonly type: 'id'; readonly id: string }
  | { readonly type: 'filters'; readonly filters: SearchFilters }
  | { readonly type: 'mistake'; readonly mistake: Mistake; readonly filters: SearchFilters }

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** An operation of the service's own API. */
const BULK = /^op_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?(?:Z|[+-]\d{2}:\d{2}))?$/
const AGE = /^\d{1,5}[smhd]$/

interface Form {
  readonly pattern: RegExp
  readonly known: readonly string[]
}

const oneOf = (values: readonly string[]): Form => ({
  pattern: new RegExp(`^(?:${values.join('|')})$`),
  known: values
})
const TIME: Form = {
  pattern: new RegExp(`${INSTANT.source}|${AGE.source}`),
  known: ['24h', '7d', '2026-11-22', '2026-11-22T09:00:00Z']
}
const SPAN: Form = { pattern: AGE, known: ['30m', '4h', '2d'] }

/** What one value of each qualifier looks like. Those of the last line take a single value. */
const FORMS: Readonly<Record<Qualifier, Form & { readonly isSingle?: true }>> = {
  state: oneOf(STATES),
  reason: oneOf(Object.keys(WHY)),
  code: { pattern: /^(?:[A-Z]\d{3}|other)$/, known: ['E201', 'other'] },
  service: { pattern: /^[a-z0-9./-]+$/, known: ['cl/banking/personal/bci.cl/transactions'] },
  bank: { pattern: /^[a-z0-9.-]+$/, known: ['bci.cl'] },
  since: { ...TIME, isSingle: true },
  until: { ...TIME, isSingle: true },
  older: { ...SPAN, isSingle: true },
  due: { ...SPAN, isSingle: true },
  reference: { pattern: /^[^*]+\*?$/, known: ['invoice-7', 'invoice-*'], isSingle: true },
  operation: {
    pattern: new RegExp(`${UUID.source}|${BULK.source}`, 'i'),
    known: ['b24c4679-f8b1-4529-ab4a-9b05805db059'],
    isSingle: true
  },
  account: {
    pattern: /^[A-Za-z0-9_-]{22}$/,
    known: ['the 22 characters of account.id'],
    isSingle: true
  }
}

/**
 * Reads a search: an id, or words of the form `qualifier:value,value`. All words hold together; of the values of one
 * word any does. A value with spaces stands in double quotes.
 */
export function parseSearch(text: string): Search {
  const words = splitWords(text)
  const [first = ''] = words
  const isId = UUID.test(first) || BULK.test(first)
  if (words.length === 1 && isId) return { type: 'id', id: first.toLowerCase() }
  const filters = new Map<Qualifier, string>()
  for (const word of words) {
    const read = readWord(word)
    if ('type' in read) return mistaken(read)
    const { qualifier, value } = read
    if (filters.has(qualifier)) return mistaken({ type: 'repeated', word })
    filters.set(qualifier, value)
  }
  return { type: 'filters', filters: Object.fromEntries(filters) }
}

function mistaken(mistake: Mistake): Search {
  return { type: 'mistake', mistake, filters: {} }
}

function readWord(
  word: string
): { readonly qualifier: Qualifier; readonly value: string } | Mistake {
  const colon = word.indexOf(':')
  if (colon < 1) return { type: 'free-text', word }
  const [name, value] = [word.slice(0, colon), word.slice(colon + 1)]
  const qualifier = QUALIFIERS.find((known) => known === name)
  if (qualifier === undefined) return { type: 'unknown-qualifier', word: name, known: QUALIFIERS }
  const { pattern, known, isSingle = false } = FORMS[qualifier]
  const values = isSingle ? [value] : value.split(',')
  return values.every((one) => pattern.test(one))
    ? { qualifier, value }
    : { type: 'unknown-value', word, known }
}

/** Writes filters as a search. */
export function writeSearch(filters: SearchFilters): string {
  return QUALIFIERS.flatMap((qualifier) => {
    const value = filters[qualifier]
    if (value === undefined) return []
    return [`${qualifier}:${/[\s"]/.test(value) ? `"${value}"` : value}`]
  }).join(' ')
}
