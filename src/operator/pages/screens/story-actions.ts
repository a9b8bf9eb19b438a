import type { FastifyInstance } from 'fastify'
import type { Authorization } from '../../../ledger/input.ts'
import type { Explanation } from '../../../schemas/generated.ts'
import { check } from '../../../schemas/validate.ts'
import { explainRequest } from '../../routes/explain-route.ts'
import {
  cancelRequest,
  giveAuthorization,
  retryRequest
} from '../../routes/request-change-routes.ts'
import { type Fragment, html, type Markup } from '../html.ts'
import { hidden } from '../hidden-field.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext, valueOf } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { shortId } from '../show.ts'
import { FRAME } from '../texts/frame-texts.ts'
import { ACTION, AUTHORIZATION } from '../texts/request-texts.ts'

type ById = { Params: { id: string } }
type Name = keyof typeof ACTION

const NAMES: readonly Name[] = ['retry', 'authorization', 'cancel']
const AUDITED_AS = {
  retry: 'request-retried',
  authorization: 'authorization-given',
  cancel: 'request-cancelled'
} as const

/** `/requests/{id}/retry|authorization|cancel`: asks once more, then does it. */
export async function storyActions(app: FastifyInstance, deps: ScreenDeps): Promise<void> {
  const { api } = deps
  const ask = async (context: PageContext, name: Name, id: string, note?: Fragment) => {
    const explained = await explainRequest(api.explain, id, context.language)
    return question(context, name, explained, note)
  }
  for (const name of NAMES) {
    const url = `/requests/:id/${name}`
    app.get<ById>(url, { config: { scope: 'write' } }, async (request, reply) => {
      const context = contextOf(request, reply)
      const text = await ask(context, name, request.params.id)
      return reply.type('text/html; charset=utf-8').send(text)
    })
    const config = { scope: 'write', audit: AUDITED_AS[name] } as const
    app.post<ById>(url, { config }, async (request, reply) => {
      const { params, caller: by } = request
      const { id } = params
      const given = name === 'authorization' ? readAuthorization(request.body) : null
      if (name === 'authorization' && given === null) {
        const context = contextOf(request, reply)
        const note = html`<p class="banner bad" role="alert">
          ${context.say(AUTHORIZATION.invalid)}
        </p>`
        const text = await ask(context, name, id, note)
        return reply.code(422).type('text/html; charset=utf-8').send(text)
      }
      if (given !== null) await giveAuthorization(api.changes, by, id, given)
      else if (name === 'retry') await retryRequest(api.changes, by, id)
      else await cancelRequest(api.changes, by, id)
      return reply.redirect(`/requests/${id}?done=${name}`, 303)
    })
  }
}

function readAuthorization(body: unknown): Authorization | null {
  const kind = valueOf(body, 'kind') === 'apiKey' ? 'apiKey' : 'jwt'
  const checked = check('authorization', { [kind]: valueOf(body, 'value')?.trim() })
  return checked.valid ? (checked.value as Authorization) : null
}

function question(
  context: PageContext,
  name: Name,
  { requestId, actions }: Explanation,
  note: Fragment
): string {
  const { say, csrf } = context
  const words = ACTION[name]
  const warning = actions.find((action) => action.name === name)?.warning ?? null
  const kind = name === 'cancel' ? 'danger' : 'primary'
  const story = `/requests/${requestId}`
  const body = html`<p class="crumbs">
      <a href="/requests">${say(FRAME.requests)}</a> /
      <a class="mono" href="${story}">${shortId(requestId)}</a>
    </p>
    ${note}
    <form class="card narrow" method="post" action="${story}/${name}">
      ${hidden(csrf)}
      <p>${say(words.effect)}</p>
      ${warning !== null && html`<p class="banner stuck">${warning}</p>`}
      ${name === 'authorization' && authorizationFields(context)}
      <p class="actions">
        <button class="${kind}">${say(words.submit)}</button>
        <a class="button" href="${story}">${say(FRAME.back)}</a>
      </p>
    </form>`
  const method = name === 'authorization' ? 'PUT' : 'POST'
  const json = name === 'authorization' ? ['{"jwt":"…"}'] : []
  const curl = [method, `/v1/requests/${requestId}/${name}`, ...json]
  return page(context, { title: say(words.question), section: 'requests', body, curl })
}

function authorizationFields({ say }: PageContext): Markup {
  return html`<fieldset>
      <legend>${say(AUTHORIZATION.kind)}</legend>
      <label><input type="radio" name="kind" value="jwt" checked /> JWT</label>
      <label><input type="radio" name="kind" value="apiKey" /> API key</label>
    </fieldset>
    <label for="value">${say(AUTHORIZATION.value)}</label>
    <input id="value" name="value" type="password" autocomplete="off" required />`
}
