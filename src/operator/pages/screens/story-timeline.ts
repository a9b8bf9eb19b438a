import type { HistoryEntry, RequestView } from '../../../schemas/generated.ts'
import { type Fragment, html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { reasonWord, when } from '../show.ts'
import { STORY } from '../texts/request-texts.ts'
import { EVENT_WORD } from '../texts/words.ts'

const TONE: ReadonlyMap<string, string> = new Map([
  ['parked', 'stuck'],
  ['failed', 'bad'],
  ['cancelled', 'quiet'],
  ['delivered', 'good'],
  ['result-published', 'good'],
  ['account-busy', 'quiet'],
  ['logon-probe', 'quiet']
])

/** What happened to a request, oldest first, and what comes next. */
export function timeline(context: PageContext, { history, dueAt }: RequestView): Markup {
  const items = history.map((event) => item(context, event))
  const next =
    dueAt !== null &&
    html`<li class="next">
      <strong>${context.say(STORY.nextStep)}</strong>
      <span class="muted">${when(context, dueAt)}</span>
    </li>`
  return html`<ol class="line">
    ${items}${next}
  </ol>`
}

function item(context: PageContext, event: HistoryEntry): Markup {
  const { say } = context
  const word = EVENT_WORD.get(event.event)
  const { attempt, at } = event
  const details = detailsOf(context, event)
  return html`<li class="${TONE.get(event.event) ?? ''}">
    <strong>${word === undefined ? event.event : say(word)}</strong>
    <span class="muted"
      >${attempt !== undefined && `${say(STORY.attempt)} ${attempt} · `}${when(context, at)}</span
    >
    ${details.length > 0 && html`<br />${details}`}
  </li>`
}

/** The details that a reader can do something with; each is text of the service's own. */
function detailsOf(context: PageContext, event: HistoryEntry): Fragment[] {
  const { say } = context
  const text = (name: string) => {
    const value = event[name]
    return typeof value === 'string' && value !== '' ? value : null
  }
  const cause = text('reason') ?? text('cause')
  const shown: readonly (Fragment | null)[] = [
    text('by') && html`${say(STORY.by)} <strong>${text('by')}</strong>`,
    cause && reasonWord(context, cause),
    text('code') && html`<code class="code">${text('code')}</code>`,
    text('outcome'),
    text('detail'),
    text('operationId') && html`<code>${text('operationId')}</code>`,
    text('quarantineId') &&
      html`<a class="mono" href="/quarantine/${text('quarantineId')}">${text('quarantineId')}</a>`
  ]
  return shown.flatMap((one) => (one === null || one === '' ? [] : [one, ' ']))
}
