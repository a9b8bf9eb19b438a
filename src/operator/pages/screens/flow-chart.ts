import type { State } from '../../../core/request.ts'
import type { Stats } from '../../../schemas/generated.ts'
import { type Bar, barChart } from '../charts.ts'
import { html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { number } from '../show.ts'
import { FLOW } from '../texts/overview-texts.ts'
import { STATE_WORD } from '../texts/words.ts'

const MINUTE_MS = 60_000
const MINUTES = 60
const SHOWN: readonly State[] = ['delivered', 'parked', 'failed']

/** What was delivered, parked and failed in each minute of the last hour. */
export function flowChart(context: PageContext, { to, series }: Stats): Markup {
  const { say } = context
  const counts = new Map(
    series.map(({ labels, points }) => [
      labels.state,
      new Map(points.map(([at, entries]) => [Date.parse(String(at)), Number(entries)]))
    ])
  )
  const last = Math.floor(Date.parse(to) / MINUTE_MS) * MINUTE_MS
  const minutes = Array.from(
    { length: MINUTES },
    (_, index) => last - (MINUTES - 1 - index) * MINUTE_MS
  )
  const of = (state: State, at: number) => counts.get(state)?.get(at) ?? 0
  const bars: Bar[] = minutes.map((at) => ({
    label: `${clock(at)} UTC`,
    parts: SHOWN.map((state) => ({ kind: state, value: of(state, at) }))
  }))
  const totals = SHOWN.map((state) => {
    const total = minutes.reduce((sum, at) => sum + of(state, at), 0)
    return html`<li>
      <span class="swatch ${state}"></span>${say(STATE_WORD[state])}
      <strong>${number(context, total)}</strong>
    </li>`
  })
  return html`<section aria-labelledby="flow">
    <h2 id="flow">${say(FLOW.title)}</h2>
    <div class="card">
      ${barChart(say(FLOW.title), bars)}
      <p class="scale muted">
        <span>${clock(minutes[0] ?? last)} UTC</span><span>${clock(last)}</span>
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
