import type { FastifyInstance } from 'fastify'
import type { QuarantineEntry } from '../../../schemas/generated.ts'
import type { Request } from '../../../core/request.ts'
import { findEntry } from '../../routes/quarantine-entries.ts'
import { quarantineViewOf } from '../../views.ts'
import { type Fragment, html, type Markup } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { pill, size, when } from '../show.ts'
import { table } from '../table.ts'
import { FRAME } from '../texts/frame-texts.ts'
import { ENTRY_ACTION, QUARANTINE } from '../texts/quarantine-texts.ts'
import { KIND_TEXT } from '../texts/words.ts'

/** `/quarantine/{id}`: why a body was kept, and what can be done with it. */
export async function entryScreen(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  app.get<{ Params: { id: string } }>(
    '/quarantine/:id',
    { config: { scope: 'read' } },
    async (request, reply) => {
      const context = contextOf(request, reply)
      const { id } = request.params
      const entry = quarantineViewOf(await findEntry(api.quarantine, id))
      const of = await api.requests.catalog.find(entry.requestId)
      const body = html`<p class="crumbs">
          <a href="/quarantine">${context.say(FRAME.quarantine)}</a> / <code>${id}</code>
        </p>
        ${buttons(context, entry)}
        <div class="columns">${violations(context, entry)} ${facts(context, entry, of)}</div>`
      const title = context.say(KIND_TEXT[entry.kind])
      const curl = ['GET', `/v1/quarantine/${id}`]
      return reply
        .type('text/html; charset=utf-8')
        .send(page(context, { title, section: 'quarantine', body, curl }))
    }
  )
}

function buttons({ say, may }: PageContext, { quarantineId, faults }: QuarantineEntry): Fragment {
  if (!may('admin')) return null
  const names =
    faults.length > 0 ? (['accept', 'force', 'discard'] as const) : (['accept', 'discard'] as const)
  const links = names.map(
    (name) =>
      html`<a
        class="button ${name === 'accept' ? '' : 'danger'}"
        href="/quarantine/${quarantineId}/${name}"
        >${say(ENTRY_ACTION[name].button)}</a
      >`
  )
  return html`<p class="actions">${links}</p>`
}

function violations(context: PageContext, { faults }: QuarantineEntry): Markup {
  const { say } = context
  const rows = faults.map(
    ({ path, rule, message }) =>
      html`<tr>
        <td class="break"><code>${path === '' ? '/' : path}</code></td>
        <td><code>${rule}</code></td>
        <td class="break" lang="en">${message}</td>
      </tr>`
  )
  const columns = [QUARANTINE.path, QUARANTINE.rule, QUARANTINE.message].map((title) => ({ title }))
  const shown = table(context, { label: { by: 'violations' }, columns, rows })
  return html`<section aria-labelledby="violations">
    <h2 id="violations">${say(QUARANTINE.violations)}</h2>
    ${faults.length === 0 ? html`<p class="nothing">${say(QUARANTINE.noViolation)}</p>` : shown}
  </section>`
}

function facts(context: PageContext, entry: QuarantineEntry, request: Request | null): Markup {
  const { say } = context
  const fact = (name: string, value: Fragment) =>
    html`<dt>${name}</dt>
      <dd>${value}</dd>`
  const { requestId } = entry
  return html`<section aria-label="${say(QUARANTINE.entry)}">
    <h2>${say(QUARANTINE.entry)}</h2>
    <dl class="facts">
      ${fact(say(QUARANTINE.request), html`<a class="mono" href="/requests/${requestId}">${requestId}</a>`)}
      ${fact(say(QUARANTINE.state), request === null ? say(QUARANTINE.gone) : pill(context, request.state))}
      ${fact(say(QUARANTINE.attempt), entry.attempt)}
      ${fact(say(QUARANTINE.received), when(context, entry.receivedAt))}
      ${fact(say(QUARANTINE.size), size(entry.size))}
      ${fact('SHA-256', html`<code>${entry.sha256}</code>`)}
    </dl>
    <p class="muted">${say(QUARANTINE.download)}</p>
  </section>`
}
