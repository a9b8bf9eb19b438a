import { bankOf } from '../../core/groups/group.ts'
import { fateOf } from '../../core/operations/members.ts'
import { type Lane, type Operation, sends } from '../../core/operations/operation.ts'
import { type Chosen, type Look, PACE_AHEAD_MS } from '../../core/operations/progress.ts'
import type { Policy } from '../../core/policy.ts'
import { credentialsOf, type Request } from '../../core/request.ts'
import type { EntryPage } from './entry-pages.ts'
import type { SelectionPage } from './selections.ts'

/** The members to change now, and when each is due. */
export interface Choice {
  readonly look: Look
  readonly dues: ReadonlyMap<string, number>
}

export interface ChooseDeps {
  /** The places in the pace of releases that are free within so many ms. */
  takePlaces(count: number, spacingMs: number, aheadMs: number): Promise<readonly number[]>
  readonly policy: Policy
  /** How many parts the ledger has. Each knows only its own refusals of bank credentials. */
  readonly parts: number
}

/** Chooses the members of a page that may begin now: at most so many, each with a place in the pace. */
export async function chooseMembers(
  deps: ChooseDeps,
  operation: Operation,
  lane: Lane,
  page: SelectionPage,
  { room, now }: { readonly room: number; readonly now: number }
): Promise<Choice> {
  const found = sort(deps, operation, lane, page, room)
  const wanted = found.taken.length
  const places = sends(operation)
    ? await placesFor(deps, operation, lane, wanted, now)
    : found.taken.map(() => now)
  const given = Math.min(wanted, places.length)
  const isCut = given < wanted
  const last = found.taken[given]
  const looked = isCut
    ? found.looked.slice(
        0,
        found.looked.findIndex(({ id }) => id === last?.id)
      )
    : found.looked
  const taken = found.taken.slice(0, given)
  const isWhole = !isCut && found.isWhole
  const look: Look = {
    taken,
    refused: looked.filter(({ fate }) => fate === 'refused').length,
    passedOver: looked.flatMap(({ passedOver }) => passedOver ?? []),
    behind: isWhole
      ? (page.next ?? looked.at(-1)?.id ?? lane.behind)
      : (looked.at(-1)?.id ?? lane.behind),
    isRead: isWhole && page.next === null,
    paceUntil: places[given - 1] ?? 0
  }
  return { look, dues: new Map(taken.map(({ id }, at) => [id, places[at] ?? now])) }
}

/** Chooses entries of the quarantine: at most so many. They cost nothing, so they keep no pace. */
export function chooseEntries({ entries, next }: EntryPage, lane: Lane, room: number): Choice {
  const taken = entries.slice(0, room)
  const isWhole = taken.length === entries.length
  const last = taken.at(-1)?.place ?? lane.behind
  const look: Look = {
    taken: taken.map(({ id }) => ({ id, bank: '', cause: null, credentials: null })),
    refused: 0,
    passedOver: [],
    behind: isWhole ? (next ?? last) : last,
    isRead: isWhole && next === null,
    paceUntil: 0
  }
  return { look, dues: new Map() }
}

interface Looked {
  readonly id: string
  readonly fate: 'taken' | 'refused' | 'passed' | 'done'
  /** The bank credentials for which the member is passed over. */
  readonly passedOver?: string
}

interface Found {
  readonly taken: readonly Chosen[]
  readonly looked: readonly Looked[]
  readonly isWhole: boolean
}

function sort(
  deps: ChooseDeps,
  operation: Operation,
  lane: Lane,
  { requests }: SelectionPage,
  room: number
): Found {
  const taken: Chosen[] = []
  const looked: Looked[] = []
  for (const request of requests) {
    const { requestId: id, reason: cause } = request
    const fate = fateOf(operation, lane, request, deps.policy)
    const credentials = fate === 'taken' && deps.parts > 1 ? triedAgain(request) : null
    const gate = gateOf(operation, lane, credentials)
    if (fate === 'taken' && (taken.length >= room || gate === 'wait'))
      return { taken, looked, isWhole: false }
    if (gate === 'held' && credentials !== null)
      looked.push({ id, fate: 'passed', passedOver: credentials })
    else {
      looked.push({ id, fate })
      if (fate === 'taken') taken.push({ id, bank: bankOf(request.service), cause, credentials })
    }
  }
  return { taken, looked, isWhole: true }
}

/** Reasons of requests that wait because a bank has refused their credentials. */
const REFUSED: ReadonlySet<unknown> = new Set(['credentials', 'refused-logon', 'logon-probe'])

function triedAgain(request: Request): string | null {
  const credentials = credentialsOf(request)
  return REFUSED.has(request.reason) && credentials !== '' ? credentials : null
}

/** Bank credentials are tried again in one part of the ledger at a time. */
function gateOf({ canaries }: Operation, { part }: Lane, credentials: string | null) {
  if (credentials === null) return 'open'
  const canary = canaries.find((one) => one.credentials === credentials)
  if (canary === undefined || canary.requestId === null) return 'open'
  if (canary.verdict !== null) return canary.verdict === 'held' ? 'held' : 'open'
  return canary.part === part ? 'open' : 'wait'
}

/** Places in the pace of the policy, and in that of the operation where it has one. */
async function placesFor(
  { takePlaces, policy }: ChooseDeps,
  { pace, lanes }: Operation,
  { part }: Lane,
  wanted: number,
  now: number
): Promise<readonly number[]> {
  if (wanted === 0) return []
  const spacingMs = 1000 / policy.releasesPerSecond
  if (pace === null) return takePlaces(wanted, spacingMs, PACE_AHEAD_MS)
  const parts = new Set(lanes.map((lane) => lane.part)).size
  const ownMs = Math.max(spacingMs, (1000 * parts) / pace)
  const last = Math.max(
    ...lanes.filter((lane) => lane.part === part).map(({ paceUntil }) => paceUntil)
  )
  const first = Math.max(now, last + ownMs)
  const fit = Math.floor((now + PACE_AHEAD_MS - first) / ownMs) + 1
  if (fit <= 0) return []
  const places = await takePlaces(Math.min(wanted, fit), spacingMs, PACE_AHEAD_MS)
  const from = Math.max(first, places[0] ?? first)
  return places.map((place, at) => Math.max(place, Math.ceil(from + at * ownMs)))
}
