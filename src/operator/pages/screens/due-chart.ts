import type { State } from '../../../core/request.ts'
import type { Summary } from '../../../schemas/generated.ts'
import type { Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { DUE } from '../texts/overview-texts.ts'
import { stateChart } from './state-chart.ts'

const SHOWN: readonly State[] = ['retry-scheduled', 'awaiting-callback', 'parked']

/** When retries are due, callbacks are given up, and parked requests fail, in the next six hours. */
export function dueChart(context: PageContext, due: Summary['due']): Markup {
  const steps = due.map(({ from, ...counts }) => ({ at: Date.parse(from), counts }))
  return stateChart(context, { id: 'due', title: context.say(DUE.title), states: SHOWN, steps })
}
