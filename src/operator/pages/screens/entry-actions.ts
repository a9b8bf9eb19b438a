import type { FastifyInstance } from 'fastify'
import { acceptEntry, discardEntry, findEntry, FORCED } from '../../routes/quarantine-entries.ts'
import { hidden } from '../hidden-field.ts'
import { html } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { FRAME } from '../texts/frame-texts.ts'
import { ENTRY_ACTION } from '../texts/quarantine-texts.ts'

type ById = { Params: { id: string } }
type Name = keyof typeof ENTRY_ACTION

const NAMES: readonly Name[] = ['accept', 'force', 'discard']

/** `/quarantine/{id}/accept|force|discard`: asks once more, then does it. */
export async function entryActions(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  for (const name of NAMES) {
    const url = `/quarantine/:id/${name}`
    app.get<ById>(url, { config: { scope: 'admin' } }, async (request, reply) => {
      const context = contextOf(request, reply)
      const { quarantineId } = await findEntry(api.quarantine, request.params.id)
      return reply.type('text/html; charset=utf-8').send(question(context, name, quarantineId))
    })
    const audit = name === 'discard' ? 'quarantine-discarded' : 'quarantine-accepted'
    app.post<ById>(url, { config: { scope: 'admin', audit } }, async (request, reply) => {
      const { params, caller: by } = request
      const { id } = params
      if (name === 'force') request.audited = FORCED
      if (name === 'discard') await discardEntry(api.quarantine, by, id)
      else await acceptEntry(api.quarantine, by, id, name === 'force')
      return reply.redirect(`/quarantine?done=${name}`, 303)
    })
  }
}

function question(context: PageContext, name: Name, id: string): string {
  const { say, csrf } = context
  const words = ENTRY_ACTION[name]
  const body = html`<p class="crumbs">
      <a href="/quarantine">${say(FRAME.quarantine)}</a> /
      <a class="mono" href="/quarantine/${id}">${id.slice(0, 12)}…</a>
    </p>
    <form class="card narrow" method="post" action="/quarantine/${id}/${name}">
      ${hidden(csrf)}
      <p>${say(words.effect)}</p>
      <p class="actions">
        <button class="${name === 'accept' ? 'primary' : 'danger'}">${say(words.submit)}</button>
        <a class="button" href="/quarantine/${id}">${say(FRAME.back)}</a>
      </p>
    </form>`
  const curl =
    name === 'discard'
      ? ['DELETE', `/v1/quarantine/${id}`]
      : ['POST', `/v1/quarantine/${id}/accept`, JSON.stringify({ force: name === 'force' })]
  return page(context, { title: say(words.question), section: 'quarantine', body, curl })
}
