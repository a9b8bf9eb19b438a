import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Text } from '../../core/explain/texts.ts'
import { OperatorError, PROBLEMS } from '../problem.ts'
import { html, type Markup } from './html.ts'
import { page } from './layout.ts'
import { contextOf, type PageContext } from './page-context.ts'
import { ERROR, PROBLEM_TEXT } from './texts/frame-texts.ts'

/** A form that no page of this session sent. */
export class ForeignForm extends Error {}
/** A path that no page has. */
export class MissingPage extends Error {}
/** A token whose scope does not suffice. */
export class TooNarrow extends Error {}

/** Answers an error with a page that says what it means. */
export function answerError(
  error: Error,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger
): FastifyReply {
  const context = contextOf(request, reply)
  const { status, text } = describe(context, error)
  const { name, code } = error as Error & { code?: string }
  if (status >= 500) log.error({ error: name, code }, 'operator call failed')
  const title = context.say(ERROR.title)
  const body = html`<p class="banner bad" role="alert">${text}</p>
    <p><a href="/">${context.say(ERROR.start)}</a></p>`
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .send(page(context, { title, section: null, body }))
}

interface Described {
  readonly status: number
  readonly text: string | Markup
}

function describe({ say }: PageContext, error: Error): Described {
  const plain = (status: number, text: Text) => ({ status, text: say(text) })
  if (error instanceof OperatorError) return ofProblem(say, error)
  if (error instanceof MissingPage) return plain(404, ERROR.missing)
  if (error instanceof TooNarrow) return plain(403, ERROR.scope)
  const { statusCode = 500 } = error as Error & { statusCode?: number }
  if (error instanceof ForeignForm || statusCode === 403) return plain(403, ERROR.foreign)
  if (statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, text: html`<span lang="en">${error.message}</span>` }
  }
  return plain(503, ERROR.away)
}

function ofProblem(say: PageContext['say'], { code, message, faults }: OperatorError): Described {
  const text = PROBLEM_TEXT.get(code)
  const known = text === undefined ? html`<span lang="en">${message}</span>` : say(text)
  const listed = faults.map(
    ({ path, rule, message: why }) =>
      html`<br /><code>${path}</code> ${rule}: <span lang="en">${why}</span>`
  )
  return { status: PROBLEMS[code], text: html`${known}${listed}` }
}
