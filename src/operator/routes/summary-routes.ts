import type { FastifyInstance } from 'fastify'
import { EVERY_GROUP, isAskedFor, readGroup, type SizedGroup } from '../../core/groups/group.ts'
import {
  type Dimension,
  DIMENSIONS,
  type GroupSummary,
  summarize
} from '../../core/groups/summary.ts'
import type { Language } from '../../core/explain/texts.ts'
import { verdictOn } from '../../core/explain/verdict.ts'
import type { State } from '../../core/request.ts'
import type { Backlog } from '../../delivery/result-sink.ts'
import type { Lookup, Totals } from '../../ledger/queries.ts'
import type { Accounting, Summary, SummaryGroup } from '../../schemas/generated.ts'
import type { Spool } from '../../spool/spool.ts'
import { accountingOf, backlogOf } from '../accounting.ts'
import { instantOf } from '../list-query.ts'
import { SUMMARY_QUERY } from '../query-schemas.ts'
import { answers } from '../route-schemas.ts'
import { instant } from '../views.ts'
import { LANGUAGE_HEADER, languageOf } from './explain-route.ts'

export interface SummaryDeps {
  readonly catalog: Pick<Lookup, 'now' | 'sizes' | 'totals' | 'overdueMs' | 'countDue' | 'indexed'>
  /** The used share of Redis's maxmemory, 0 to 1. */
  readonly filled: () => number
  /** The backlog of the result queue. */
  readonly backlog: () => Promise<Backlog>
  /** The spool for callbacks on disk; null where the process has none. */
  readonly spool: Pick<Spool, 'usage'> | null
}

export interface SummaryQuery {
  readonly by?: string
  readonly state?: string
  readonly since?: string
}

const DUE_STEP_MS = 1_800_000
const DUE_STEPS = 12

/** `GET /v1/summary`: what there is, by state and by cause, and what waits for somebody. */
export async function summaryRoutes(app: FastifyInstance, deps: SummaryDeps): Promise<void> {
  app.get<{ Querystring: SummaryQuery }>(
    '/summary',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getSummary',
        summary: 'Count requests by state and cause',
        tags: ['requests'],
        querystring: SUMMARY_QUERY,
        headers: LANGUAGE_HEADER,
        ...answers(200, 'summary')
      }
    },
    ({ query, headers }, reply) => {
      const language = languageOf(headers['accept-language'])
      void reply.header('content-language', language).header('vary', 'accept-language')
      return summarizeRequests(deps, query, language)
    }
  )
}

/** What there is, by state and by cause, and what waits for somebody. */
export async function summarizeRequests(
  deps: SummaryDeps,
  query: SummaryQuery,
  language: Language = 'en'
): Promise<Summary> {
  const { catalog, spool } = deps
  const [now, counted, totals, overdueMs, backlog] = await Promise.all([
    catalog.now(),
    countRequests(deps, query),
    catalog.totals(),
    catalog.overdueMs(),
    deps.backlog()
  ])
  const accounting = accountingOf(totals, overdueMs)
  return {
    at: instant(now),
    verdict: verdictOf(accounting, totals, language),
    accounting,
    ...counted,
    ...(counted.groups === null && { indexing: await catalog.indexed() }),
    due: await dueOf(deps, now),
    redis: { filled: deps.filled() },
    spool: spool === null ? null : { entries: spool.usage().entries },
    resultQueue: backlogOf(backlog)
  }
}

/** How many requests there are, by state and by cause. */
export async function countRequests(
  { catalog }: Pick<SummaryDeps, 'catalog'>,
  query: SummaryQuery
): Promise<Pick<Summary, 'states' | 'groups'>> {
  const by = query.by === undefined ? DIMENSIONS : (query.by.split(',') as Dimension[])
  const sizes = await catalog.sizes(instantOf('since', query.since))
  const asked = sizes === null ? null : inStates(sizes, query.state)
  return {
    states: statesOf(summarize(asked ?? [], [])),
    groups: asked === null ? null : summarize(asked, by).map(viewOfGroup)
  }
}

function inStates(sizes: readonly SizedGroup[], states?: string): readonly SizedGroup[] {
  const filter = { ...EVERY_GROUP, state: states?.split(',') ?? null }
  return sizes.filter(({ name }) => isAskedFor(filter, readGroup(name)))
}

function verdictOf(
  { unaccounted, oldestOverdueSeconds, setAside }: Accounting,
  { live }: Totals,
  language: Language
): Summary['verdict'] {
  const parked = live['parked'] ?? 0
  const overdueSeconds = oldestOverdueSeconds
  const { sentences, ...verdict } = verdictOn({ unaccounted, overdueSeconds, parked, setAside })
  return { ...verdict, text: sentences.map((sentence) => sentence[language]).join(' ') }
}

/** What is due within the next six hours. What is overdue is in the first half an hour. */
async function dueOf({ catalog }: SummaryDeps, now: number): Promise<Summary['due']> {
  const counts = await catalog.countDue(now, DUE_STEP_MS, DUE_STEPS)
  return counts.map((states, index) => ({
    from: instant(now + index * DUE_STEP_MS),
    to: instant(now + (index + 1) * DUE_STEP_MS),
    ...states
  }))
}

function statesOf(states: readonly GroupSummary[]): Summary['states'] {
  const sizeOf = (state: State) => {
    const { count = 0, oldestAt } = states.find((one) => one.state === state) ?? {}
    return { count, oldestRequestedAt: oldestAt === undefined ? null : instant(oldestAt) }
  }
  return {
    queued: sizeOf('queued'),
    sending: sizeOf('sending'),
    'awaiting-callback': sizeOf('awaiting-callback'),
    'retry-scheduled': sizeOf('retry-scheduled'),
    parked: sizeOf('parked'),
    delivered: sizeOf('delivered'),
    failed: sizeOf('failed'),
    cancelled: sizeOf('cancelled')
  }
}

function viewOfGroup({ needsSomebody, oldestAt, state, ...group }: GroupSummary): SummaryGroup {
  return {
    ...group,
    state: state as SummaryGroup['state'],
    oldestRequestedAt: instant(oldestAt),
    needs: needsSomebody ? 'somebody' : 'nobody'
  }
}
