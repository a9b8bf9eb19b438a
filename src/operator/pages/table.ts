import type { Text } from '../../core/explain/texts.ts'
import { type Fragment, html, type Markup } from './html.ts'
import type { PageContext } from './page-context.ts'
import { pathTo } from './show.ts'
import { FRAME } from './texts/frame-texts.ts'

/** A column: its title, and the class of its head. `n` is of numbers, `wide` is left out of narrow pages. */
export interface Column {
  readonly title: Text | Markup
  readonly kind?: 'mark' | 'n' | 'wide' | 'n wide'
}

interface Table {
  /** What the table is called: the id of its heading, or a text. */
  readonly label: { readonly by: string } | Text
  /** The class of the table: `rows` can be walked through by keys, `stack` has cells below each other on narrow pages. */
  readonly kind?: string
  /** The class of what it scrolls in. */
  readonly room?: string
  /** None for a table without a head. */
  readonly columns: readonly Column[]
  readonly rows: readonly Markup[]
}

/** A table that scrolls on its own where the page is too narrow for it. */
export function table({ say }: PageContext, { label, kind, room, columns, rows }: Table): Markup {
  const heads = columns.map(
    ({ title, kind: of }) => html`<th ${classOf(of)}>${'markup' in title ? title : say(title)}</th>`
  )
  const name =
    'by' in label ? html`aria-labelledby="${label.by}"` : html`aria-label="${say(label)}"`
  const scrolls = room === undefined ? 'scroll' : `scroll ${room}`
  return html`<div class="${scrolls}" tabindex="0" role="region" ${name}>
    <table ${classOf(kind)}>
      ${
        heads.length > 0 &&
        html`<thead>
          <tr>
            ${heads}
          </tr>
        </thead>`
      }
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

function classOf(kind: string | undefined): Fragment {
  return kind !== undefined && html`class="${kind}"`
}

interface Paging {
  readonly cursor: string | undefined
  readonly next: string | null
  /** Whether a page can be had as a file, at the path with `.csv`. */
  readonly hasCsv?: boolean
}

/** The links to the first page of a list, to the next one, and to this one as a file. */
export function pager(
  { say }: PageContext,
  path: string,
  asked: Readonly<Record<string, string>>,
  { cursor, next, hasCsv = false }: Paging
): Markup {
  const to = (of: string, behind?: string | null) => pathTo(of, { ...asked, cursor: behind })
  return html`<p class="pager">
    ${cursor !== undefined && html`<a href="${to(path)}">← ${say(FRAME.newest)}</a>`}
    ${next !== null && html`<a rel="next" href="${to(path, next)}">${say(FRAME.older)} →</a>`}
    ${hasCsv && html`<a href="${to(`${path}.csv`, cursor)}" download>${say(FRAME.csv)}</a>`}
  </p>`
}
