import type { FastifyInstance } from 'fastify'
import type { Text } from '../../../core/explain/texts.ts'
import type { AuditList } from '../../../schemas/generated.ts'
import { AUDITED } from '../../audit.ts'
import { listAudited } from '../../routes/audit-route.ts'
import { chipList } from '../chip-list.ts'
import { type Fragment, html, type Markup } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext, valueOf } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { sendCsv } from '../send-csv.ts'
import { pathTo, shortId, when } from '../show.ts'
import { pager, table } from '../table.ts'
import { AUDIT, AUDIT_WORD } from '../texts/audit-texts.ts'
import { FRAME } from '../texts/frame-texts.ts'

const FILTERS = ['by', 'action', 'target'] as const
const CSV = ['at', 'by', 'action', 'target', 'detail'] as const

/** `/audit`: who changed or saw what; `/audit.csv`: a page of it as a file. */
export async function auditScreen(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  app.get('/audit', { config: { scope: 'admin' } }, async (request, reply) => {
    const context = contextOf(request, reply)
    const { say } = context
    const { filters, cursor } = askedOf(request.query)
    const list = await listPage({ api }, { filters, cursor })
    const isFiltered = Object.keys(filters).length > 0
    const body = html`<p>${say(AUDIT.intro)}</p>
      ${chips(context, filters.action)}
      <div id="audit" data-live>
        ${list.items.length === 0 ? nothing(context, isFiltered) : entryTable(context, list)}
        ${pager(context, '/audit', filters, { cursor, next: list.nextCursor, hasCsv: true })}
      </div>`
    const curl = ['GET', pathTo('/v1/audit', filters)]
    return reply
      .type('text/html; charset=utf-8')
      .send(page(context, { title: say(FRAME.audit), section: 'audit', body, curl }))
  })
  app.get('/audit.csv', { config: { scope: 'admin' } }, async (request, reply) => {
    const { items } = await listPage({ api }, askedOf(request.query))
    return sendCsv(reply, 'audit', CSV, items)
  })
}

interface Asked {
  readonly filters: Readonly<Partial<Record<(typeof FILTERS)[number], string>>>
  readonly cursor: string | undefined
}

function askedOf(query: unknown): Asked {
  const given = FILTERS.flatMap((name) => {
    const value = valueOf(query, name)
    return value === undefined ? [] : [[name, value] as const]
  })
  return { filters: Object.fromEntries(given), cursor: valueOf(query, 'cursor') }
}

function listPage(
  { api }: Pick<ScreenDeps, 'api'>,
  { filters, cursor }: Asked
): Promise<AuditList> {
  return listAudited(api.audit, cursor === undefined ? filters : { ...filters, cursor })
}

function chips({ say }: PageContext, chosen: string | undefined): Markup {
  const every = { path: '/audit', text: say(AUDIT.every), isChosen: chosen === undefined }
  const actions = AUDITED.map((action) => ({
    path: pathTo('/audit', { action }),
    text: say(AUDIT_WORD[action]),
    isChosen: chosen === action
  }))
  return chipList(say(AUDIT.action), [every, ...actions])
}

function nothing({ say }: PageContext, isFiltered: boolean): Markup {
  const all = html` <a href="/audit">${say(AUDIT.all)}</a>`
  return html`<p class="nothing">
    ${say(isFiltered ? AUDIT.noMatch : AUDIT.empty)}${isFiltered && all}
  </p>`
}

const HEADS = [AUDIT.when, AUDIT.by, AUDIT.action, AUDIT.target, AUDIT.detail]

function entryTable(context: PageContext, { items }: AuditList): Markup {
  return table(context, {
    label: FRAME.audit,
    kind: 'rows stack',
    columns: HEADS.map((title) => ({ title })),
    rows: items.map((item) => row(context, item))
  })
}

function row(context: PageContext, { at, by, action, target, detail }: AuditList['items'][number]) {
  const word = new Map<string, Text>(Object.entries(AUDIT_WORD)).get(action)
  const path = `/audit?by=${encodeURIComponent(by)}`
  return html`<tr>
    <td>${when(context, at)}</td>
    <td><a href="${path}">${by}</a></td>
    <td>${word === undefined ? action : context.say(word)}</td>
    <td>${target !== null && targetLink(action, target)}</td>
    <td class="break" lang="en">${detail}</td>
  </tr>`
}

function targetLink(action: string, target: string): Fragment {
  const room = /^(?:quarantine|body)-/.test(action) ? 'quarantine' : 'requests'
  const shown = target.length > 20 ? shortId(target) : target
  return html`<a class="mono nowrap" href="/${room}/${target}">${shown}</a>`
}
