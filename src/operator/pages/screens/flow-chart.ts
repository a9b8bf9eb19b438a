import type { State } from '../../../core/request.ts'
import type { Stats } from '../../../schemas/generated.ts'
import type { Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { FLOW } from '../texts/overview-texts.ts'
import { stateChart } from './state-chart.ts'

const MINUTE_MS = 60_000
const MINUTES = 60
const SHOWN: readonly State[] = ['delivered', 'parked', 'failed']

/** What was delivered, parked and failed in each minute of the last hour. */
export function flowChart(context: PageContext, { to, series }: Stats): Markup {
  const counts = new Map(
    series.map(({ labels, points }) => [
      labels.state,
      new Map(points.map(([at, entries]) => [Date.parse(String(at)), Number(entries)]))
    ])
  )
  const last = Math.floor(Date.parse(to) / MINUTE_MS) * MINUTE_MS
  const steps = Array.from({ length: MINUTES }, (_, index) => {
    const at = last - (MINUTES - 1 - index) * MINUTE_MS
    return {
      at,
      counts: Object.fromEntries(SHOWN.map((state) => [state, counts.get(state)?.get(at) ?? 0]))
    }
  })
  return stateChart(context, {
    id: 'flow',
    title: context.say(FLOW.title),
    states: SHOWN,
    steps
  })
}
