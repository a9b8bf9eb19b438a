import type { Logger } from 'pino'
import type { Cursors } from '../../crypto/signed-cursor.ts'
import type { Quarantine, Quarantined } from '../../ledger/quarantine/quarantine.ts'
import { readPlace, writePlace } from '../../ledger/quarantine/quarantine-page.ts'
import type { QuarantineList } from '../../schemas/generated.ts'
import { acceptQuarantined, type AcceptDeps, noteOperator } from '../accept-quarantined.ts'
import { instantOf } from '../list-query.ts'
import { OperatorError } from '../problem.ts'
import type { Show } from '../show-body.ts'
import { readCursor } from '../validation.ts'
import { quarantineViewOf } from '../views.ts'

export interface QuarantineDeps {
  readonly accept: AcceptDeps
  readonly quarantine: Quarantine
  readonly cursors: Cursors
  readonly show: Show
  readonly log: Logger
}

/** The list that the cursors are bound to. */
const LIST = ['quarantine'] as const

export interface QuarantineQuery {
  readonly kind?: string
  readonly requestId?: string
  readonly since?: string
  readonly limit?: number
  readonly cursor?: string
}

/** What the audit log tells of a body that was accepted with `force`. */
export const FORCED = { detail: 'although it violates the schema' }

/** Validates a kept body again and lets it through; `force` lets through what is no envelope. */
export async function acceptEntry(
  deps: Pick<QuarantineDeps, 'accept' | 'quarantine' | 'log'>,
  by: string,
  id: string,
  force: boolean
): Promise<Quarantined> {
  const kept = await findEntry(deps, id)
  await acceptQuarantined(deps.accept, kept, by, { force })
  const { requestId } = kept
  deps.log.info({ by, quarantineId: id, requestId, force }, 'quarantine accepted')
  return kept
}

/** Discards a kept body. */
export async function discardEntry(
  deps: Pick<QuarantineDeps, 'accept' | 'quarantine' | 'log'>,
  by: string,
  id: string
): Promise<void> {
  const kept = await findEntry(deps, id)
  if (!(await deps.quarantine.discard(id))) throw unknown()
  await noteOperator(deps.accept, kept, 'quarantine-discarded', by)
  deps.log.info({ by, quarantineId: id }, 'quarantine discarded')
}

/** A page of kept bodies, newest first. */
export async function listEntries(
  { quarantine, cursors }: Pick<QuarantineDeps, 'quarantine' | 'cursors'>,
  query: QuarantineQuery
): Promise<QuarantineList> {
  const { limit = 50, cursor, kind, requestId = null } = query
  const position = readCursor(cursors, LIST, cursor)
  const behind = position === null ? null : readPlace(position)
  // One more entry than is shown, to find out whether there is another page.
  const kinds = kind?.split(',') ?? null
  const filter = { kinds, requestId, since: instantOf('since', query.since) }
  const kept = await quarantine.list(behind, limit + 1, filter)
  const shown = kept.slice(0, limit)
  const last = kept.length > limit ? shown.at(-1) : undefined
  const nextCursor = last ? cursors.make(LIST, writePlace(last)) : null
  return { items: shown.map((entry) => quarantineViewOf(entry)), nextCursor }
}

/** The entry of that id; throws where there is none. */
export async function findEntry(
  { quarantine }: Pick<QuarantineDeps, 'quarantine'>,
  id: string
): Promise<Quarantined> {
  const kept = await quarantine.find(id)
  if (kept === null) throw unknown()
  return kept
}

function unknown(): OperatorError {
  return new OperatorError('unknown-quarantine-entry', 'there is no such quarantine entry')
}
