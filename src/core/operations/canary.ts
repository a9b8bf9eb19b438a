import type { HistoryEvent, Request } from '../request.ts'
import type { Because, Canary } from './operation.ts'

/** What has become of a canary. `another`: it tells nothing, so the next member is the canary. */
export type CanaryNews =
  | { readonly type: 'open' }
  | { readonly type: 'goes' }
  | { readonly type: 'another' }
  | { readonly type: 'held'; readonly because: Because }

const OPEN: CanaryNews = { type: 'open' }

/**
 * What the canary of an operation tells. The canary of a bank tells whether the bank works. The canary of some bank
 * credentials tells whether the bank takes them.
 */
export function newsOf(canary: Canary, request: Request | null, operation: string): CanaryNews {
  if (request === null) return { type: 'another' }
  const begun = request.history.findLastIndex((event) => event['operation'] === operation)
  if (begun === -1) return OPEN
  const rows = canary.credentials === null ? OF_BANK : OF_CREDENTIALS
  for (const event of request.history.slice(begun + 1)) {
    const row = rows.find(({ is }) => is(event, canary))
    if (row !== undefined) return newsIn(row.tells, request, event)
  }
  return OPEN
}

function newsIn(tells: Tells, { requestId, reason }: Request, event: HistoryEvent): CanaryNews {
  if (tells !== 'held') return { type: tells }
  const said = event['cause'] ?? event['reason'] ?? reason
  const because = { requestId, reason: textOf(said), code: textOf(event['code']) }
  return { type: 'held', because }
}

type Tells = 'goes' | 'another' | 'held'

interface Row {
  readonly is: (event: HistoryEvent, canary: Canary) => boolean
  readonly tells: Tells
}

const hasCode = (code: RegExp) => (event: HistoryEvent) =>
  CONCLUDES.has(event.event) && code.test((textOf(event['code']) ?? '').trim().toUpperCase())
const isEvent =
  (...names: readonly string[]) =>
  ({ event }: HistoryEvent) =>
    names.includes(event)

/** The events that tell of an answer, or of its absence. */
const CONCLUDES: ReadonlySet<string> = new Set(['failed', 'parked', 'retry-scheduled'])
/** Causes after which a request is sent again soon. What comes then tells more. */
const SOON: ReadonlySet<unknown> = new Set(['retry-immediately', 'temporary', 'refused-logon'])

const REFUSED = hasCode(/^E?1\d\d$/)
const LET_IN = hasCode(/^E?3\d\d$/)

/** The first row that fits an event decides. An event without a row tells nothing yet. */
const OF_BANK: readonly Row[] = [
  { is: isEvent('delivered'), tells: 'goes' },
  { is: isEvent('cancelled'), tells: 'another' },
  // Others may have better credentials. The guard of refused credentials holds back those that have not.
  { is: REFUSED, tells: 'goes' },
  { is: (event, { cause }) => event.event === 'parked' && event['cause'] === cause, tells: 'held' },
  { is: (event) => CONCLUDES.has(event.event) && event['cause'] === 'wait-4-hours', tells: 'held' },
  { is: hasCode(/^E?[34]\d\d$/), tells: 'goes' },
  { is: hasCode(/^E?2\d\d$/), tells: 'held' },
  { is: isEvent('failed', 'parked', 'deadline-passed'), tells: 'held' },
  {
    is: (event) => event.event === 'retry-scheduled' && !SOON.has(event['cause']),
    tells: 'held'
  }
]

const OF_CREDENTIALS: readonly Row[] = [
  { is: isEvent('delivered'), tells: 'goes' },
  { is: REFUSED, tells: 'held' },
  { is: LET_IN, tells: 'goes' },
  { is: isEvent('failed', 'cancelled', 'parked', 'deadline-passed'), tells: 'another' },
  { is: isEvent('retry-scheduled'), tells: 'another' }
]

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null
}
