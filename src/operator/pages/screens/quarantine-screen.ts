import type { FastifyInstance } from 'fastify'
import type { QuarantineEntry } from '../../../schemas/generated.ts'
import { listEntries } from '../../routes/quarantine-entries.ts'
import { html, type Markup } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext, valueOf } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { shortId, size, when } from '../show.ts'
import { pager, table } from '../table.ts'
import { FRAME } from '../texts/frame-texts.ts'
import { ENTRY_ACTION, QUARANTINE } from '../texts/quarantine-texts.ts'
import { KIND_TEXT } from '../texts/words.ts'

/** `/quarantine`: the bodies that were refused and kept, without what is in them. */
export async function quarantineScreen(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  app.get('/quarantine', { config: { scope: 'read' } }, async (request, reply) => {
    const context = contextOf(request, reply)
    const { say } = context
    const cursor = valueOf(request.query, 'cursor')
    const list = await listEntries(api.quarantine, cursor === undefined ? {} : { cursor })
    const done = new Map(Object.entries(ENTRY_ACTION)).get(valueOf(request.query, 'done') ?? '')
    const body = html`${
        done !== undefined && html`<p class="banner good" role="status">${say(done.done)}</p>`
      }
      <p>${say(QUARANTINE.intro)}</p>
      <div id="kept" data-live>
        ${list.items.length === 0 ? empty(context) : entryTable(context, list.items)}
        ${pager(context, '/quarantine', { cursor, next: list.nextCursor })}
      </div>`
    const curl = ['GET', '/v1/quarantine']
    return reply
      .type('text/html; charset=utf-8')
      .send(page(context, { title: say(FRAME.quarantine), section: 'quarantine', body, curl }))
  })
}

function empty({ say }: PageContext): Markup {
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
