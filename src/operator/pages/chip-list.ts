import { html, type Markup } from './html.ts'

interface Chip {
  readonly path: string
  readonly text: string
  readonly isChosen: boolean
}

/** Links side by side, of which one may be chosen. */
export function chipList(label: string, chips: readonly Chip[]): Markup {
  const items = chips.map(
    ({ path, text, isChosen }) =>
      html`<li>
        <a class="chip" href="${path}" ${isChosen && html`aria-current="true"`}>${text}</a>
      </li>`
  )
  return html`<ul class="chips" aria-label="${label}">
    ${items}
  </ul>`
}
