import { sum } from '../sum.ts'
import type { OperationAction, OperationFilter } from '../../schemas/generated.ts'
import type { GroupFilter } from '../groups/group.ts'

/** Which requests or entries of the quarantine an operation takes. Null or absent fields take any. */
export interface Selection {
  readonly groups: GroupFilter
  /** Asked for, or received, from this instant on, in ms since 1970. */
  readonly since: number | null
  /** Asked for, or received, before this instant. */
  readonly until: number | null
  /** Khipu's code to the letter, where its form makes no group of its own. */
  readonly code: string | null
  /** Kinds of quarantine entries. */
  readonly kinds: readonly string[] | null
  /** Only these, in ascending order. */
  readonly ids: readonly string[] | null
}

/** The members of a selection in one part of the ledger, of one bank or of all banks. They are taken oldest first. */
export interface Lane {
  /** Null for all banks. */
  readonly bank: string | null
  readonly part: number
  /** The instant of the selection by the clock of this part. What came later is not taken. */
  readonly at: number
  /** How many there were at that instant. */
  readonly matched: number
  /** The place of the last member that was looked at; null at the start. */
  readonly behind: string | null
  /** What has begun. It is written before the first of them changes, so a crash forgets none. */
  readonly pending: readonly string[]
  /** How often what has begun could not be ended. */
  readonly tries: number
  readonly done: number
  readonly refused: number
  /** True once the last member was looked at. */
  readonly isRead: boolean
  /** The last place in the pace of releases that was taken. */
  readonly paceUntil: number
}

/** Why members are held. */
export interface Because {
  readonly requestId: string
  readonly reason: string | null
  readonly code: string | null
}

/** The member that goes first, of a bank or with some bank credentials. The others wait for what becomes of it. */
export interface Canary {
  readonly bank: string
  /** The hash of the bank credentials; null where the canary is that of the bank. */
  readonly credentials: string | null
  readonly part: number
  /** Null until a member was chosen. */
  readonly requestId: string | null
  /** Why it was parked before. */
  readonly cause: string | null
  readonly verdict: 'goes' | 'held' | null
  readonly because: Because | null
  /** How many others with these bank credentials were passed over. */
  readonly passedOver: number
}

/** One action on everything that a selection takes, carried on step by step. */
export interface Operation {
  readonly id: string
  readonly action: OperationAction
  readonly selection: Selection
  /** The filter as it was asked for; null where everything or certain ids are taken. */
  readonly filter: OperationFilter | null
  readonly by: string
  readonly note: string | null
  /** At most so many a second; null for the pace of the policy. */
  readonly pace: number | null
  readonly limit: number | null
  /** Whether a retry may come before Khipu's four hours are over. */
  readonly early: boolean
  /** Whether an entry of the quarantine is accepted although it breaks the schema. */
  readonly force: boolean
  readonly startedAt: number
  readonly endedAt: number | null
  readonly state: 'running' | 'stopping' | 'stopped' | 'done'
  readonly lanes: readonly Lane[]
  readonly canaries: readonly Canary[]
}

/** The start of a lane. */
export function newLane(lane: Pick<Lane, 'bank' | 'part' | 'at' | 'matched'>): Lane {
  const counts = { done: 0, refused: 0, tries: 0, paceUntil: 0 }
  return { ...lane, ...counts, behind: null, pending: [], isRead: false }
}

/** The canary of a bank, before a member was chosen. */
export function newCanary(bank: string): Canary {
  return { ...NO_CANARY, bank }
}

export const NO_CANARY: Canary = {
  bank: '',
  credentials: null,
  part: 0,
  requestId: null,
  cause: null,
  verdict: null,
  because: null,
  passedOver: 0
}

/** True where the actions cost POSTs to Khipu, so that they keep the pace. */
export function sends({ action }: Pick<Operation, 'action'>): boolean {
  return action === 'release' || action === 'retry'
}

/** The state as it is shown: `canary` while all that goes on waits for a canary. */
export function shownState(operation: Operation): Operation['state'] | 'canary' {
  const { state, lanes } = operation
  const live = lanes.filter((lane) => !isOver(lane) && !isHeld(operation, lane))
  const waits = live.every((lane) => isWaiting(operation, lane))
  return state === 'running' && live.length > 0 && waits ? 'canary' : state
}

/** True once nothing is left to do in a lane. */
export function isOver({ isRead, pending }: Lane): boolean {
  return isRead && pending.length === 0
}

/** True where the canary of the bank came back with bad news. */
export function isHeld(operation: Operation, lane: Lane): boolean {
  return canaryOf(operation, lane)?.verdict === 'held'
}

function isWaiting(operation: Operation, lane: Lane): boolean {
  const canary = canaryOf(operation, lane)
  return canary !== undefined && canary.verdict === null
}

/** The canary of the bank of a lane; undefined where the bank has none. */
export function canaryOf({ canaries }: Operation, { bank }: Lane): Canary | undefined {
  return canaries.find((one) => one.credentials === null && one.bank === bank)
}

/** What is held back, and why. */
export interface Held {
  readonly bank: string
  readonly credentials: string | null
  readonly requests: number
  readonly because: Because | null
}

export interface Totals {
  readonly matched: number
  readonly done: number
  readonly refused: number
  /** Those that had left the selection before their turn. */
  readonly skipped: number
  readonly held: readonly Held[]
}

/** How far an operation is. */
export function totalsOf(operation: Operation): Totals {
  const { lanes, canaries } = operation
  const left = ({ matched, done, refused }: Lane) => Math.max(0, matched - done - refused)
  const held = canaries
    .filter(({ verdict }) => verdict === 'held')
    .map(({ bank, credentials, because, passedOver }) => {
      const own = lanes.filter((lane) => lane.bank === bank && !isOver(lane))
      return {
        bank,
        credentials,
        requests: credentials === null ? sum(own.map(left)) : passedOver,
        because
      }
    })
  const passedOver = sum(canaries.map((one) => (one.verdict === 'held' ? one.passedOver : 0)))
  return {
    matched: sum(lanes.map(({ matched }) => matched)),
    done: sum(lanes.map(({ done }) => done)),
    refused: sum(lanes.map(({ refused }) => refused)),
    skipped: Math.max(0, sum(lanes.filter(isOver).map(left)) - passedOver),
    held
  }
}
