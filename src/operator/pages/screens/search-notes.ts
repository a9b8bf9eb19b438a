import type { Mistake } from '../../../core/search/parse-search.ts'
import type { OperatorError } from '../../problem.ts'
import { chipList } from '../chip-list.ts'
import { html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { pathTo } from '../show.ts'
import { PROBLEM_TEXT } from '../texts/frame-texts.ts'
import { LIST, MISTAKE } from '../texts/request-texts.ts'

const EXAMPLES = [
  'state:parked',
  'state:retry-scheduled',
  'state:awaiting-callback',
  'state:failed since:24h',
  'reason:credentials',
  'older:1h',
  'due:1h'
]

/** Searches to begin with. */
export function exampleChips({ say }: PageContext, query: string): Markup {
  const chips = EXAMPLES.map((example) => ({
    path: pathTo('/requests', { q: example }),
    text: example,
    isChosen: example === query
  }))
  return chipList(say(LIST.examples), chips)
}

/** Why a search can not be read, with what there is instead. */
export function mistakeNote({ say }: PageContext, mistake: Mistake): Markup {
  const text = say(MISTAKE[mistake.type](mistake.word))
  const known = 'known' in mistake ? mistake.known : []
  const codes = known.map((one) => html`<code class="code">${one}</code> `)
  return html`<p class="banner bad" role="alert">${text} ${codes}</p>`
}

/** Why the ledger does not answer a search. */
export function problemNote(
  { say }: PageContext,
  { code, message, faults }: OperatorError
): Markup {
  const text = PROBLEM_TEXT.get(code)
  const whys = faults.map(
    ({ path, message: why }) =>
      html`<br /><code>${path.slice(1)}</code> <span lang="en">${why}</span>`
  )
  return html`<p class="banner bad" role="alert">
    ${text === undefined ? html`<span lang="en">${message}</span>` : say(text)}${whys}
  </p>`
}
