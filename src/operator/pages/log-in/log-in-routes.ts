import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { countRefusal, tokenFinder } from '../../check-operator-token.ts'
import { html } from '../html.ts'
import { hidden } from '../hidden-field.ts'
import { page } from '../layout.ts'
import { contextOf, LANGUAGE_COOKIE, localPath, valueOf } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { createSessions } from './session.ts'
import { LOG_IN } from '../texts/frame-texts.ts'

const OPEN = { config: { isOpen: true } } as const

/** Logging in and out, and the language of the pages. */
export async function logInRoutes(app: FastifyInstance, deps: ScreenDeps): Promise<void> {
  const { tokens, unauthorized } = deps.api
  const sessions = createSessions(tokens)
  const findToken = tokenFinder(tokens)

  const showForm = (request: FastifyRequest, reply: FastifyReply, next: string, why?: Why) => {
    // The form needs a session for its CSRF token, too.
    if (request.session.nonce === '') request.session = sessions.begin(request, reply, null)
    return reply.type('text/html; charset=utf-8').send(form(request, reply, next, why))
  }

  app.get('/login', OPEN, (request, reply) => {
    const next = localPath(valueOf(request.query, 'next'))
    if (request.session.token !== null) return reply.redirect(next, 303)
    const isGone = valueOf(request.query, 'bye') !== undefined
    return showForm(request, reply, next, isGone ? 'bye' : undefined)
  })

  app.post('/login', OPEN, async (request, reply) => {
    const next = localPath(valueOf(request.body, 'next'))
    const found = findToken(valueOf(request.body, 'token')?.trim() ?? '')
    if (found === undefined) {
      const counting = { refusals: deps.refusals, unauthorized }
      const wait = await countRefusal(counting, request, 'unknown-token')
      if (wait === null) return showForm(request, reply.code(401), next, 'wrong')
      const tooMany = reply.code(429).header('retry-after', String(wait))
      return showForm(request, tooMany, next, 'tooMany')
    }
    // A nonce that somebody knew before is of no use afterwards.
    sessions.begin(request, reply, found)
    deps.log.info({ by: found.name, scope: found.scope }, 'operator logged in')
    return reply.redirect(next, 303)
  })

  app.post('/logout', { config: { scope: 'read' } }, (request, reply) => {
    sessions.end(request, reply)
    return reply.redirect('/login?bye=1', 303)
  })

  app.post('/language', OPEN, (request, reply) => {
    const to = valueOf(request.body, 'to') === 'es' ? 'es' : 'en'
    const year = 365 * 24 * 3600
    const options = { path: '/', httpOnly: true, sameSite: 'strict', maxAge: year } as const
    void reply.setCookie(LANGUAGE_COOKIE, to, { ...options, secure: 'auto' })
    return reply.redirect(localPath(valueOf(request.body, 'back')), 303)
  })
}

type Why = 'wrong' | 'tooMany' | 'bye'

const LOOPBACK = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})(?::\d+)?$/

function form(request: FastifyRequest, reply: FastifyReply, next: string, why?: Why): string {
  const context = contextOf(request, reply)
  const { say, csrf } = context
  const isPlain = request.protocol === 'http' && !LOOPBACK.test(request.host)
  const kind = why === 'bye' ? 'good' : 'bad'
  const body = html`${why !== undefined && html`<p class="banner ${kind}" role="alert">${say(LOG_IN[why])}</p>`}
    ${isPlain && html`<p class="banner stuck">${say(LOG_IN.plain)}</p>`}
    <form class="card narrow" method="post" action="/login">
      ${hidden(csrf)}<input type="hidden" name="next" value="${next}" />
      <label for="token">${say(LOG_IN.token)}</label>
      <input
        id="token"
        name="token"
        type="password"
        autocomplete="current-password"
        required
        autofocus
        aria-describedby="token-hint"
      />
      <p id="token-hint" class="muted">${say(LOG_IN.hint)}</p>
      <button class="primary">${say(LOG_IN.submit)}</button>
    </form>`
  return page(context, { title: say(LOG_IN.title), section: null, body })
}
