import { EVERY_GROUP } from '../../core/groups/group.ts'
import { isOnEntries, STATES_OF } from '../../core/operations/members.ts'
import type { Selection } from '../../core/operations/operation.ts'
import type { Fault, OperationBody, OperationFilter } from '../../schemas/generated.ts'
import { before, earlier, instantOf } from '../list-query.ts'
import { OperatorError } from '../problem.ts'

const NOTHING_NAMED: Fault = {
  path: '',
  rule: 'oneOf',
  message: 'must have exactly one of filter, requestIds, quarantineIds and "all": true'
}

/** Reads what an operation is to take. `now` is the instant from which `olderThan` counts back. */
export function readSelection(body: OperationBody, now: number): Selection {
  const { filter = null, requestIds, quarantineIds, all = false } = body
  const given = [filter !== null, requestIds !== undefined, quarantineIds !== undefined, all]
  if (given.filter(Boolean).length !== 1)
    throw new OperatorError('selection-required', NOTHING_NAMED.message, [NOTHING_NAMED])
  const isOther = isOnEntries(body) ? requestIds !== undefined : quarantineIds !== undefined
  const faults = filter === null ? [] : unsupported(body, filter)
  if (isOther || faults.length > 0)
    throw new OperatorError('filter-not-supported', `not for the action '${body.action}'`, faults)
  const ids = requestIds ?? quarantineIds ?? null
  return {
    groups: groupsOf(body, filter ?? {}),
    since: instantOf('filter/since', filter?.since),
    until: earlier(instantOf('filter/until', filter?.until), before(now, filter?.olderThan)),
    code: null,
    kinds: filter?.kind ?? null,
    ids: ids === null ? null : [...new Set(ids)].toSorted()
  }
}

const OF_ENTRIES: ReadonlySet<string> = new Set(['kind', 'since', 'until', 'olderThan'])

function unsupported(body: OperationBody, filter: OperationFilter): Fault[] {
  const isFor = (name: string) => (isOnEntries(body) ? OF_ENTRIES.has(name) : name !== 'kind')
  const wrong = Object.keys(filter).filter((name) => !isFor(name))
  const message = 'is not for this action'
  return wrong.map((name) => ({ path: `/filter/${name}`, rule: 'filter', message }))
}

function groupsOf({ action }: OperationBody, filter: OperationFilter): Selection['groups'] {
  const { state = STATES_OF[action], reason = null, code = null } = filter
  const { service = null, bank = null } = filter
  const forbidden = state.find((one) => !STATES_OF[action].includes(one))
  if (forbidden !== undefined)
    throw new OperatorError('state-forbids', `the state '${forbidden}' forbids '${action}'`)
  return { ...EVERY_GROUP, state, reason, code, service, bank }
}
