import type { FastifyInstance } from 'fastify'
import { EVERY_GROUP, isAskedFor, readGroup, type SizedGroup } from '../../core/groups/group.ts'
import {
  type Dimension,
  DIMENSIONS,
  type GroupSummary,
  summarize
} from '../../core/groups/summary.ts'
import type { State } from '../../core/request.ts'
import type { Lookup, Totals } from '../../ledger/queries.ts'
import type { Accounting, Summary, SummaryGroup } from '../../schemas/generated.ts'
import { accountingOf } from '../accounting.ts'
import { instantOf } from '../list-query.ts'
import { SUMMARY_QUERY } from '../query-schemas.ts'
import { answers } from '../route-schemas.ts'
import { instant } from '../views.ts'

export interface SummaryDeps {
  readonly catalog: Pick<Lookup, 'now' | 'sizes' | 'totals' | 'overdueMs'>
}

export interface SummaryQuery {
  readonly by?: string
  readonly state?: string
  readonly since?: string
}

/** How long a request may be overdue before the verdict tells of it. The sweep comes first. */
const OVERDUE_SECONDS = 60

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
        ...answers(200, 'summary')
      }
    },
    ({ query }) => summarizeRequests(deps, query)
  )
}

/** What there is, by state and by cause, and what waits for somebody. */
export async function summarizeRequests(
  { catalog }: SummaryDeps,
  query: SummaryQuery
): Promise<Summary> {
  const since = instantOf('since', query.since)
  const by = query.by === undefined ? DIMENSIONS : (query.by.split(',') as Dimension[])
  const [now, sizes, totals, overdueMs] = await Promise.all([
    catalog.now(),
    catalog.sizes(since),
    catalog.totals(),
    catalog.overdueMs()
  ])
  const groups = sizes === null ? null : summarize(inStates(sizes, query.state), by)
  const accounting = accountingOf(totals, overdueMs)
  return {
    at: instant(now),
    verdict: verdictOn(accounting, totals),
    accounting,
    states: statesOf(summarize(inStates(sizes ?? [], query.state), [])),
    groups: groups === null ? null : groups.map(viewOfGroup)
  }
}

function inStates(sizes: readonly SizedGroup[], states?: string): readonly SizedGroup[] {
  const filter = { ...EVERY_GROUP, state: states?.split(',') ?? null }
  return sizes.filter(({ name }) => isAskedFor(filter, readGroup(name)))
}

function verdictOn(
  { unaccounted: lost, oldestOverdueSeconds: overdue, setAside }: Accounting,
  { live }: Totals
): Summary['verdict'] {
  const parked = live['parked'] ?? 0
  const needsSomebody = parked + setAside
  if (lost !== 0)
    return { level: 'trouble', text: `${lost} requests are unaccounted for.`, needsSomebody }
  if (overdue > OVERDUE_SECONDS) {
    const text = `A request has been due for ${Math.round(overdue)} s. Are there workers?`
    return { level: 'trouble', text, needsSomebody }
  }
  if (needsSomebody === 0) return { level: 'ok', text: 'Nothing waits for anybody.', needsSomebody }
  const requests =
    parked === 0 ? [] : [`${parked} ${parked === 1 ? 'request needs' : 'requests need'} somebody.`]
  const results =
    setAside === 0 ? [] : [`${setAside} ${setAside === 1 ? 'result is' : 'results are'} set aside.`]
  return { level: 'attention', text: [...requests, ...results].join(' '), needsSomebody }
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
