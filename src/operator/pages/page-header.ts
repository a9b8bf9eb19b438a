import type { Text } from '../../core/explain/texts.ts'
import { html, type Markup } from './html.ts'
import { hidden } from './hidden-field.ts'
import type { PageContext } from './page-context.ts'
import { FRAME } from './texts/frame-texts.ts'

export type Section =
  'overview' | 'requests' | 'parked' | 'quarantine' | 'operations' | 'audit' | 'queues'

interface Entry {
  readonly section: Section | null
  readonly path: string
  readonly key: string | null
  readonly text: Text
  readonly scope: 'read' | 'admin'
}

const ENTRIES: readonly Entry[] = [
  { section: 'overview', path: '/', key: 'o', text: FRAME.overview, scope: 'read' },
  { section: 'requests', path: '/requests', key: 'r', text: FRAME.requests, scope: 'read' },
  { section: 'parked', path: '/parked', key: 'p', text: FRAME.parked, scope: 'read' },
  { section: 'quarantine', path: '/quarantine', key: 'q', text: FRAME.quarantine, scope: 'read' },
  { section: 'operations', path: '/operations', key: 'b', text: FRAME.operations, scope: 'read' },
  { section: 'audit', path: '/audit', key: 'a', text: FRAME.audit, scope: 'admin' },
  { section: 'queues', path: '/queues/', key: null, text: FRAME.queues, scope: 'admin' },
  { section: null, path: '/docs', key: null, text: FRAME.docs, scope: 'read' }
]

/** Before somebody has logged in. */
export function bareHeader({ say }: PageContext): Markup {
  return html`<header class="bar"><span class="brand">${say(FRAME.product)}</span></header>`
}

/** With the pages, the search box, and who looks. */
export function header(context: PageContext, section: Section | null, query = ''): Markup {
  const { say, session, csrf } = context
  const entries = ENTRIES.filter(({ scope }) => context.may(scope))
  const links = entries.map(
    (entry) =>
      html`<a
        href="${entry.path}"
        ${entry.section !== null && entry.section === section ? CURRENT : null}${entry.key !== null && html` data-key="${entry.key}"`}
        >${say(entry.text)}</a
      >`
  )
  return html`<header class="bar">
    <a class="brand" href="/">${say(FRAME.product)}</a>
    <nav aria-label="${say(FRAME.navigation)}">${links}</nav>
    <form class="find" role="search" action="/requests">
      <label class="hidden" for="find">${say(FRAME.search)}</label>
      <input
        id="find"
        name="q"
        type="search"
        value="${query}"
        placeholder="${say(FRAME.searchHint)}"
        autocomplete="off"
        spellcheck="false"
      />
    </form>
    <button
      id="live"
      type="button"
      hidden
      data-live-text="${say(FRAME.live)}"
      data-paused-text="${say(FRAME.paused)}"
      data-off-text="${say(FRAME.off)}"
    >
      ${say(FRAME.live)}
    </button>
    <span class="who nowrap"
      >${session.token?.name} <span class="muted">(${session.token?.scope})</span></span
    >
    <form class="inline" method="post" action="/logout">
      ${hidden(csrf)}<button class="link">${say(FRAME.logOut)}</button>
    </form>
  </header>`
}

const CURRENT = html` aria-current="page"`
