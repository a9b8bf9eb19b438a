import type { FastifyInstance } from 'fastify'
import { ENDED } from '../../../core/groups/group.ts'
import { parseSearch, type SearchFilters } from '../../../core/search/parse-search.ts'
import type { RequestList } from '../../../schemas/generated.ts'
import { listRequests } from '../../routes/request-routes.ts'
import { OperatorError, PROBLEMS } from '../../problem.ts'
import { listQueryOf } from '../search-query.ts'
import { isSelection } from '../bulk-selection.ts'
import { type Fragment, html, type Markup } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext, valueOf } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { sendCsv } from '../send-csv.ts'
import { number, pathTo } from '../show.ts'
import { BULK_ACTION } from '../texts/bulk-texts.ts'
import { pager } from '../table.ts'
import { LIST } from '../texts/request-texts.ts'
import { requestTable } from './request-table.ts'
import { exampleChips, mistakeNote, problemNote } from './search-notes.ts'

/** What is shown of a search: its requests, or why there are none to show. */
interface Found {
  readonly status: number
  readonly body: Fragment
}

/** A page of a search. */
interface Asked {
  readonly filters: SearchFilters
  readonly query: string
  readonly cursor: string | undefined
}

const CSV = [
  ...(['requestId', 'state', 'reason', 'code', 'bank', 'service', 'account', 'reference'] as const),
  ...(['attempts', 'requestedBy', 'requestedAt', 'stateSince', 'dueAt'] as const)
] as const

/** `/requests?q=`: the requests that a search finds; `/requests.csv`: a page of them as a file. */
export async function requestsScreen(app: FastifyInstance, deps: ScreenDeps): Promise<void> {
  app.get('/requests', { config: { scope: 'read' } }, async (request, reply) => {
    const context = contextOf(request, reply)
    const query = valueOf(request.query, 'q')?.trim() ?? ''
    const cursor = valueOf(request.query, 'cursor')
    const search = parseSearch(query)
    if (search.type === 'id' && (await deps.api.requests.catalog.find(search.id)) !== null) {
      return reply.redirect(`/requests/${search.id}`, 303)
    }
    if (search.type === 'id' && search.id.startsWith('op_')) {
      return reply.redirect(`/operations/${search.id}`, 303)
    }
    // An id that no request has may be Khipu's id of an operation.
    const filters = search.type === 'id' ? { operation: search.id } : search.filters
    const found =
      search.type === 'mistake'
        ? { status: 422, body: mistakeNote(context, search.mistake) }
        : await findAll(deps, context, { filters, query, cursor })
    const title = context.say(LIST.title)
    const body = html`${exampleChips(context, query)}${found.body}`
    const curl = ['GET', pathTo('/v1/requests', { ...listQueryOf(filters, context.now) })]
    return reply
      .code(found.status)
      .type('text/html; charset=utf-8')
      .send(page(context, { title, section: 'requests', body, query, curl }))
  })
  app.get('/requests.csv', { config: { scope: 'read' } }, async (request, reply) => {
    const query = valueOf(request.query, 'q') ?? ''
    const cursor = valueOf(request.query, 'cursor')
    const search = parseSearch(query)
    if (search.type !== 'filters') {
      return reply.redirect(pathTo('/requests', { q: query }), 303)
    }
    const asked = { filters: search.filters, query, cursor }
    const { items } = await listAsked(deps, asked, Date.now())
    const rows = items.map((item) => ({ ...item, account: item.account?.endsWith ?? null }))
    return sendCsv(reply, 'requests', CSV, rows)
  })
}

async function findAll(deps: ScreenDeps, context: PageContext, asked: Asked): Promise<Found> {
  try {
    const list = await listAsked(deps, asked, context.now)
    return { status: 200, body: showList(context, list, asked) }
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    return { status: PROBLEMS[error.code], body: problemNote(context, error) }
  }
}

function listAsked({ api }: ScreenDeps, { filters, cursor }: Asked, now: number) {
  const query = { ...listQueryOf(filters, now), fields: 'summary' } as const
  return listRequests(api.requests, cursor === undefined ? query : { ...query, cursor })
}

function showList(
  context: PageContext,
  { items, nextCursor, total, partial }: RequestList,
  { query, cursor }: Asked
): Markup {
  const { say } = context
  if (items.length === 0 && nextCursor === null) return nothing(context, query)
  const count = total === null ? LIST.some(items.length) : LIST.match(number(context, total))
  return html`<div id="list" data-live>
    <p id="count"><strong>${say(count)}</strong>${partial && html`<br />${say(LIST.partial)}`}</p>
    ${withActions(context, items, total, query)}
    ${pager(context, '/requests', { q: query }, { cursor, next: nextCursor, hasCsv: true })}
  </div>`
}

const ON_SOME = ['release', 'retry', 'cancel'] as const

/** The rows, in a form that leads to the question about those that are selected, or about all. */
function withActions(
  context: PageContext,
  items: RequestList['items'],
  total: number | null,
  query: string
): Markup {
  const { say, may } = context
  if (!may('write')) return requestTable(context, items, false)
  const isLive = items.some(({ state }) => !ENDED.has(state))
  if (!isLive) return requestTable(context, items, false)
  const some = ON_SOME.map(
    (action) =>
      html`<button name="action" value="${action}">${say(BULK_ACTION[action].some)}</button>`
  )
  const all = ON_SOME.map(
    (action) =>
      html`<a class="button" href="/bulk?action=${action}&q=${encodeURIComponent(query)}"
        >${say(BULK_ACTION[action].all(total ?? 0))}</a
      >`
  )
  const canAll = total !== null && query !== '' && isSelection(query)
  return html`<form action="/bulk">
    ${requestTable(context, items, true)}
    <p class="actions">${some} ${canAll && html`<span class="apart"></span>${all}`}</p>
  </form>`
}

function nothing({ say }: PageContext, query: string): Markup {
  const link =
    query === ''
      ? html`<a href="/">${say(LIST.firstOne)}</a>`
      : html`<a href="/requests">${say(LIST.showAll)}</a>`
  return html`<div id="list" data-live>
    <p class="nothing">
      ${say(query === '' ? LIST.none : LIST.empty)} ${query !== '' && say(LIST.emptyText)} ${link}
    </p>
  </div>`
}
