import type { FastifyInstance } from 'fastify'
import type { QuarantineEntry, QuarantineKind } from '../../../schemas/generated.ts'
import { listEntries } from '../../routes/quarantine-entries.ts'
import { QUARANTINE_KINDS } from '../../../ledger/quarantine/quarantine.ts'
import { kindOf } from '../bulk-selection.ts'
import { chipList } from '../chip-list.ts'
import { html, type Markup } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext, valueOf } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { pathTo, shortId, size, when } from '../show.ts'
import { pager, table } from '../table.ts'
import { FRAME } from '../texts/frame-texts.ts'
import { ENTRY_ACTION, QUARANTINE } from '../texts/quarantine-texts.ts'
import { KIND_TEXT } from '../texts/words.ts'
import { bulkLink } from './bulk/bulk-links.ts'

/** `/quarantine`: the bodies that were refused and kept, without what is in them. */
export async function quarantineScreen(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  app.get('/quarantine', { config: { scope: 'read' } }, async (request, reply) => {
    const context = contextOf(request, reply)
    const { say } = context
    const cursor = valueOf(request.query, 'cursor')
    const kind = kindOf(request.query)
    const list = await listEntries(api.quarantine, {
      ...(cursor === undefined ? {} : { cursor }),
      ...(kind === null ? {} : { kind })
    })
    const done = new Map(Object.entries(ENTRY_ACTION)).get(valueOf(request.query, 'done') ?? '')
    const body = html`${
        done !== undefined && html`<p class="banner good" role="status">${say(done.done)}</p>`
      }
      <p>${say(QUARANTINE.intro)}</p>
      ${chips(context, kind)}
      <div id="kept" data-live>
        ${list.items.length === 0 ? empty(context, kind) : entryTable(context, list.items)}
        ${pager(context, '/quarantine', kind === null ? {} : { kind }, { cursor, next: list.nextCursor })}
      </div>
      ${list.items.length > 0 && context.may('admin') && bulkActions(context, kind)}`
    const curl = ['GET', pathTo('/v1/quarantine', { kind })]
    return reply
      .type('text/html; charset=utf-8')
      .send(page(context, { title: say(FRAME.quarantine), section: 'quarantine', body, curl }))
  })
}

function chips({ say }: PageContext, chosen: QuarantineKind | null): Markup {
  const chips = [null, ...QUARANTINE_KINDS].map((kind) => ({
    path: pathTo('/quarantine', { kind }),
    text: say(kind === null ? QUARANTINE.every : KIND_TEXT[kind]),
    isChosen: kind === chosen
  }))
  return chipList(say(QUARANTINE.kind), chips)
}

function bulkActions({ say }: PageContext, kind: QuarantineKind | null): Markup {
  const links = (['accept', 'discard'] as const).map((action) =>
    bulkLink(action, { kind }, say(QUARANTINE.bulk[action]))
  )
  return html`<p class="actions">${links}</p>`
}

function empty({ say }: PageContext, kind: QuarantineKind | null): Markup {
  if (kind !== null) {
    return html`<p class="nothing">
      ${say(QUARANTINE.noneOfKind)} <a href="/quarantine">${say(QUARANTINE.every)}</a>
    </p>`
  }
  return html`<p class="nothing">
    <strong>${say(QUARANTINE.empty)}</strong> ${say(QUARANTINE.emptyText)}
  </p>`
}

function entryTable(context: PageContext, items: readonly QuarantineEntry[]): Markup {
  return table(context, {
    label: FRAME.quarantine,
    kind: 'rows stack',
    columns: [
      { title: QUARANTINE.entry },
      { title: QUARANTINE.kind },
      { title: QUARANTINE.breaks, kind: 'wide' },
      { title: QUARANTINE.request },
      { title: QUARANTINE.attempt, kind: 'n wide' },
      { title: QUARANTINE.size, kind: 'n wide' },
      { title: QUARANTINE.received }
    ],
    rows: items.map((item) => row(context, item))
  })
}

function row(context: PageContext, entry: QuarantineEntry): Markup {
  const { quarantineId, kind, requestId, attempt, faults, receivedAt } = entry
  const [first] = faults
  const more = faults.length > 1 && ` +${faults.length - 1}`
  return html`<tr>
    <td class="nowrap">
      <a class="mono" href="/quarantine/${quarantineId}">${quarantineId.slice(0, 12)}…</a>
    </td>
    <td>${context.say(KIND_TEXT[kind])}</td>
    <td class="wide break">
      ${first !== undefined && html`<code>${first.path}</code> ${first.rule}${more}`}
    </td>
    <td class="nowrap"><a class="mono" href="/requests/${requestId}">${shortId(requestId)}</a></td>
    <td class="n wide">${attempt}</td>
    <td class="n wide nowrap">${size(entry.size)}</td>
    <td>${when(context, receivedAt)}</td>
  </tr>`
}
