import type { State } from '../../../core/request.ts'
import { sum } from '../../../core/sum.ts'
import { barChart } from '../charts.ts'
import { html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { number } from '../show.ts'
import { STATE_WORD } from '../texts/words.ts'

interface StateChart {
  /** The id of the heading. */
  readonly id: string
  readonly title: string
  /** From below. */
  readonly states: readonly State[]
  readonly steps: readonly Step[]
}

/** How many requests of each state a unit of time has. */
export interface Step {
  /** The start, in ms since 1970. */
  readonly at: number
  readonly counts: Readonly<Partial<Record<State, number>>>
}

/** Requests by state and time: a bar for each step, and the sums below. */
export function stateChart(context: PageContext, { id, title, states, steps }: StateChart): Markup {
  const { say } = context
  const bars = steps.map(({ at, counts }) => ({
    label: `${clock(at)} UTC`,
    parts: states.map((state) => ({ kind: state, value: counts[state] ?? 0 }))
  }))
  const totals = states.map((state) => {
    const total = sum(steps.map(({ counts }) => counts[state] ?? 0))
    return html`<li>
      <span class="swatch ${state}"></span>${say(STATE_WORD[state])}
      <strong>${number(context, total)}</strong>
    </li>`
  })
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    <div class="card">
      ${barChart(title, bars)}
      <p class="scale muted">
        <span>${clock(steps[0]?.at ?? 0)} UTC</span><span>${clock(steps.at(-1)?.at ?? 0)}</span>
      </p>
      <ul class="legend">
        ${totals}
      </ul>
    </div>
  </section>`
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 16)
}
