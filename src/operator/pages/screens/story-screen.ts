import type { FastifyInstance } from 'fastify'
import { adviceOn } from '../../../core/groups/summary.ts'
import type { Explanation, RequestView } from '../../../schemas/generated.ts'
import { explainRequest } from '../../routes/explain-route.ts'
import { findRequest } from '../../routes/request-routes.ts'
import { type Fragment, html, type Markup } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext, valueOf } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { code, pill, reasonWord } from '../show.ts'
import { FRAME } from '../texts/frame-texts.ts'
import { ACTION, STORY } from '../texts/request-texts.ts'
import { ADVICE_TEXT, STATE_WORD } from '../texts/words.ts'
import { nextSentence } from './next-sentence.ts'
import { factList } from './story-facts.ts'
import { timeline } from './story-timeline.ts'

/** `/requests/{id}`: why a request is where it is, what comes next, what can be done, and what happened. */
export async function storyScreen(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  app.get<{ Params: { id: string } }>(
    '/requests/:id',
    { config: { scope: 'read' } },
    async (request, reply) => {
      const context = contextOf(request, reply)
      const { id } = request.params
      const view = await findRequest(api.requests, id)
      const explained = await explainRequest(api.explain, id, context.language)
      const { say } = context
      const word =
        view.reason === null ? say(STATE_WORD[view.state]) : reasonWord(context, view.reason)
      const done = doneNote(context, valueOf(request.query, 'done'))
      const heading = html`${pill(context, view.state)} ${view.reason === null ? null : word}
      ${code(view.code)}`
      const body = html`<p class="crumbs">
          <a href="/requests">${say(FRAME.requests)}</a> / <code>${id}</code>
        </p>
        ${done}
        <div id="story" data-live>${story(context, view, explained)}</div>`
      const curl = ['GET', `/v1/requests/${id}/explain`]
      return reply
        .type('text/html; charset=utf-8')
        .send(page(context, { title: word, heading, section: 'requests', body, curl }))
    }
  )
}

function doneNote({ say }: PageContext, done: string | undefined): Fragment {
  const action = new Map(Object.entries(ACTION)).get(done ?? '')
  return action !== undefined && html`<p class="banner good" role="status">${say(action.done)}</p>`
}

const TONE: Readonly<Record<string, string>> = {
  parked: 'stuck',
  failed: 'bad',
  delivered: 'good'
}

function story(context: PageContext, view: RequestView, explained: Explanation): Markup {
  const { say } = context
  return html`<div class="banner ${TONE[view.state] ?? ''}" id="why">
      <p><strong>${say(STORY.why)}:</strong> ${explained.why.text}</p>
      <p><strong>${say(STORY.next)}:</strong> ${nextSentence(context, explained)}</p>
      <p><strong>${say(STORY.you)}:</strong> ${advice(context, view, explained)}</p>
    </div>
    ${buttons(context, view, explained)}
    <div class="columns">
      <section aria-labelledby="timeline">
        <h2 id="timeline">${say(STORY.timeline)}</h2>
        ${timeline(context, view)}
      </section>
      <section aria-labelledby="facts">
        <h2 id="facts">${say(STORY.facts)}</h2>
        ${factList(context, view, explained)}
      </section>
    </div>`
}

function advice({ say }: PageContext, view: RequestView, { actions }: Explanation): string {
  const known = view.state === 'parked' ? adviceOn(view.reason ?? '') : null
  if (known !== null) return `${say(ADVICE_TEXT[known])}.`
  return say(actions.some(({ allowed }) => allowed) ? STORY.wait : STORY.nothingForYou)
}

function buttons({ say, may }: PageContext, view: RequestView, { actions }: Explanation): Fragment {
  const allowed = actions.filter((action) => action.allowed)
  if (!may('write') || allowed.length === 0) return null
  const links = allowed.map(({ name }) => {
    const kind = name === 'cancel' ? 'danger' : ''
    return html`<a class="button ${kind}" href="/requests/${view.requestId}/${name}"
      >${say(ACTION[name].button)}</a
    >`
  })
  return html`<p class="actions">${links}</p>`
}
