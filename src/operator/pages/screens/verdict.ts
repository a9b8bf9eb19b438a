import type { Text } from '../../../core/explain/texts.ts'
import type { Summary } from '../../../schemas/generated.ts'
import { html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { duration } from '../show.ts'
import { OVERVIEW, VERDICT } from '../texts/overview-texts.ts'

const TONE = { ok: 'good', attention: 'stuck', trouble: 'bad' } as const

/** The first thing to know, in a sentence; `kept` is how many bodies the quarantine holds. */
export function verdict(context: PageContext, summary: Summary, kept: number): Markup {
  const { say } = context
  const { level } = summary.verdict
  const [first, ...others] = sentences(summary, kept).map(say)
  const parked = summary.states.parked.count
  return html`<p class="banner ${TONE[level]}" id="verdict">
    <strong>${first}</strong> ${others.join(' ')}
    ${parked > 0 && html` <a href="/parked">${say(OVERVIEW.lookParked)}</a>`}
    ${kept > 0 && html` <a href="/quarantine">${say(OVERVIEW.lookQuarantine)}</a>`}
  </p>`
}

function sentences({ verdict: { level }, accounting, states }: Summary, kept: number): Text[] {
  const { unaccounted, oldestOverdueSeconds, setAside } = accounting
  const parked = states.parked.count
  const found: Text[] = []
  if (unaccounted !== 0) found.push(VERDICT.lost(unaccounted))
  else if (level === 'trouble') found.push(VERDICT.overdue(duration(oldestOverdueSeconds * 1000)))
  if (parked > 0) found.push(VERDICT.parked(parked))
  if (setAside > 0) found.push(VERDICT.setAside(setAside))
  if (found.length === 0) found.push(OVERVIEW.calm)
  if (level !== 'trouble') found.push(OVERVIEW.sound)
  if (kept > 0) found.push(VERDICT.kept(kept))
  return found
}
