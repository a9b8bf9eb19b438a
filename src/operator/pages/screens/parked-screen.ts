import type { FastifyInstance } from 'fastify'
import type { SummaryGroup } from '../../../schemas/generated.ts'
import { summarizeRequests } from '../../routes/summary-routes.ts'
import { html, type Markup } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { bulkLinks } from './bulk/bulk-links.ts'
import { age, code, reasonWord, searchPath } from '../show.ts'
import { FRAME } from '../texts/frame-texts.ts'
import { OVERVIEW, PARKED } from '../texts/overview-texts.ts'
import { ADVICE_TEXT } from '../texts/words.ts'

const QUERY = { by: 'reason,code,bank', state: 'parked' }

/** `/parked`: what waits for somebody, a card for each cause. */
export async function parkedScreen(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  app.get('/parked', { config: { scope: 'read' } }, async (request, reply) => {
    const context = contextOf(request, reply)
    const { say } = context
    const { groups } = await summarizeRequests(api.summary, QUERY)
    const body = html`<div id="parked" data-live>
      ${groups === null && html`<p class="banner stuck">${say(OVERVIEW.indexing)}</p>`}
      ${groups?.length === 0 ? empty(context) : html`<p>${say(PARKED.intro)}</p>`}
      ${(groups ?? []).map((group) => card(context, group))}
    </div>`
    const curl = ['GET', `/v1/summary?${new URLSearchParams(QUERY).toString()}`]
    return reply
      .type('text/html; charset=utf-8')
      .send(page(context, { title: say(FRAME.parked), section: 'parked', body, curl }))
  })
}

function card(context: PageContext, group: SummaryGroup): Markup {
  const { say } = context
  const { reason, code: of, bank, count, oldestRequestedAt, advice } = group
  const search = { state: 'parked', reason, code: of, bank }
  return html`<section class="card cause">
    <h2>
      ${reason !== null && reasonWord(context, reason)} ${code(of)}
      <span class="muted">·</span> ${bank}
    </h2>
    <p>
      <strong>${say(PARKED.many(count))}</strong>, ${say(OVERVIEW.oldest)}
      ${age(context, oldestRequestedAt)}. ${advice !== null && `${say(ADVICE_TEXT[advice])}.`}
    </p>
    <p class="actions">
      <a class="button" href="${searchPath(search)}">${say(PARKED.look)}</a>
      ${context.may('write') && bulkLinks(context, ['release', 'cancel'], search)}
    </p>
  </section>`
}

function empty({ say }: PageContext): Markup {
  return html`<p class="nothing"><strong>${say(PARKED.empty)}</strong> ${say(PARKED.emptyText)}</p>`
}
