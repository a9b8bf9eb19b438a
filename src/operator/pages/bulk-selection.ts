import { parseSearch, type Qualifier } from '../../core/search/parse-search.ts'
import { isOnEntries } from '../../core/operations/members.ts'
import type {
  OperationAction,
  OperationBody,
  OperationFilter,
  QuarantineKind
} from '../../schemas/generated.ts'
import { QUARANTINE_KINDS } from '../../ledger/quarantine/quarantine.ts'
import { check } from '../../schemas/validate.ts'
import { valueOf, valuesOf } from './page-context.ts'
import { listQueryOf } from './search-query.ts'

/** The words of a search that an operation can take. */
const TAKEN: ReadonlySet<string> = new Set<Qualifier>([
  'state',
  'reason',
  'code',
  'service',
  'bank',
  'since',
  'until',
  'older'
])
const LISTS: ReadonlySet<string> = new Set(['state', 'reason', 'code', 'service', 'bank'])
const ACTIONS: readonly OperationAction[] = ['release', 'retry', 'cancel', 'accept', 'discard']

/**
 * What somebody wants to do with many at once: an action, and the ids or the search that say with which requests, or the
 * kind of kept bodies; null for every kind.
 */
export interface BulkSelection {
  readonly action: OperationAction
  readonly ids: readonly string[]
  readonly query: string
  readonly kind: QuarantineKind | null
}

/** Reads the selection of a form; null where it names none. */
export function selectionOf(values: unknown): BulkSelection | null {
  const action = ACTIONS.find((one) => one === valueOf(values, 'action'))
  const ids = valuesOf(values, 'id')
  const query = valueOf(values, 'q')?.trim() ?? ''
  const kind = kindOf(values)
  // A kind that does not exist must not mean every kind.
  const isKnown = kind !== null || valueOf(values, 'kind') === undefined
  return action === undefined || !isKnown ? null : { action, ids, query, kind }
}

/** The kind of kept bodies that a form or an address names; null where it names none. */
export function kindOf(values: unknown): QuarantineKind | null {
  return QUARANTINE_KINDS.find((one) => one === valueOf(values, 'kind')) ?? null
}

/** The selection as the API takes it; null where a search is no selection. */
export function bodyOf(
  selection: BulkSelection,
  now: number,
  more: Partial<OperationBody> = {}
): OperationBody | null {
  const { action } = selection
  const which = isOnEntries(selection) ? entriesOf(selection) : requestsOf(selection, now)
  if (which === null) return null
  const checked = check('operation-body', { action, ...which, ...more })
  return checked.valid ? checked.value : null
}

function entriesOf({ kind }: BulkSelection): Pick<OperationBody, 'all' | 'filter'> {
  return kind === null ? { all: true } : { filter: { kind: [kind] } }
}

function requestsOf({ ids, query }: BulkSelection, now: number) {
  return ids.length > 0 ? { requestIds: ids } : whichOf(query, now)
}

/** Whether an action can take all that a search finds. */
export function isSelection(query: string): boolean {
  return whichOf(query, 0) !== null
}

function whichOf(query: string, now: number): Pick<OperationBody, 'all' | 'filter'> | null {
  const search = parseSearch(query)
  if (search.type !== 'filters') return null
  const names = Object.keys(search.filters)
  if (names.length === 0) return { all: true }
  if (names.some((name) => !TAKEN.has(name))) return null
  const given = Object.entries(listQueryOf(search.filters, now)).map(([name, value]) => [
    name,
    LISTS.has(name) ? String(value).split(',') : value
  ])
  return { filter: Object.fromEntries(given) as OperationFilter }
}
