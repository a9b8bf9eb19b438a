import type { FastifyInstance } from 'fastify'
import { type Label, LABELS, seriesOf } from '../../core/groups/series.ts'
import { KEPT_MS, type Step } from '../../ledger/indexes/flow.ts'
import type { Lookup } from '../../ledger/queries.ts'
import type { Stats } from '../../schemas/generated.ts'
import { instantOf } from '../list-query.ts'
import { OperatorError } from '../problem.ts'
import { listOf, LIST_QUERY } from '../query-schemas.ts'
import { answers } from '../route-schemas.ts'
import { instant } from '../views.ts'

export interface StatsDeps {
  readonly catalog: Pick<Lookup, 'now' | 'flow'>
}

export interface StatsQuery {
  readonly from?: string
  readonly to?: string
  readonly step?: Step
  readonly by?: string
}

const HOUR_MS = 3_600_000

const STATS_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    from: { ...LIST_QUERY.properties.since, description: 'From when on; an hour ago if absent' },
    to: { ...LIST_QUERY.properties.until, description: 'Until when; now if absent' },
    step: {
      type: 'string',
      enum: ['1m', '1h'],
      description:
        'The unit. Minutes are kept for 3 hours, hours for 35 days. Minutes if absent and they reach back far enough'
    },
    by: listOf(LABELS.join('|'), 'By what series are told apart; by the state if absent')
  }
} as const

/** `GET /v1/stats`: how many requests entered which state, by the minute or by the hour. */
export async function statsRoute(app: FastifyInstance, deps: StatsDeps): Promise<void> {
  app.get<{ Querystring: StatsQuery }>(
    '/stats',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'getStats',
        tags: ['requests'],
        summary: 'Count what entered each state, by the minute or the hour',
        querystring: STATS_QUERY,
        ...answers(200, 'stats')
      }
    },
    ({ query }) => readStats(deps, query)
  )
}

/** How many requests entered which state. */
export async function readStats({ catalog }: StatsDeps, query: StatsQuery): Promise<Stats> {
  const now = await catalog.now()
  const from = instantOf('from', query.from) ?? now - HOUR_MS
  const to = instantOf('to', query.to) ?? now
  const step = query.step ?? (now - from <= KEPT_MS['1m'] ? '1m' : '1h')
  checkRange(step, from, to, now)
  const by = (query.by?.split(',') ?? ['state']) as Label[]
  const series = seriesOf(await catalog.flow(step, from, to), by)
  return {
    from: instant(from),
    to: instant(to),
    step,
    series: series.map(({ labels, points }) => ({
      labels,
      points: points.map(([at, entries]) => [instant(at), entries] as [string, number])
    }))
  }
}

/** An answer that leaves something out would be read as nothing. */
function checkRange(step: Step, from: number, to: number, now: number): void {
  if (from > to) throw invalid('from', 'must not be later than to')
  if (now - from <= KEPT_MS[step]) return
  const reach = step === '1m' ? 'within the last 3 hours with step=1m' : 'within the last 35 days'
  throw invalid('from', `must be ${reach}`)
}

function invalid(name: string, message: string): OperatorError {
  return new OperatorError('invalid-input', `${name} ${message}`, [
    { path: `/${name}`, rule: 'range', message }
  ])
}
