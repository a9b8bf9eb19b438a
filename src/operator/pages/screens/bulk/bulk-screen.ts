import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isOnEntries } from '../../../../core/operations/members.ts'
import type { OperationBody } from '../../../../schemas/generated.ts'
import { OperatorError } from '../../../problem.ts'
import { orderOperation, previewOperation } from '../../../routes/begin-operation-route.ts'
import { bodyOf, type BulkSelection, selectionOf } from '../../bulk-selection.ts'
import { type Fragment, html } from '../../html.ts'
import { page } from '../../layout.ts'
import { contextOf, valueOf } from '../../page-context.ts'
import type { ScreenDeps } from '../../pages-deps.ts'
import { BULK, BULK_ACTION } from '../../texts/bulk-texts.ts'
import { confirmForm, MANY } from './confirm-form.ts'

/** `/bulk`: says what an action on many would take and cost, asks once more, then begins it. */
export async function bulkScreen(app: FastifyInstance, deps: ScreenDeps): Promise<void> {
  app.get('/bulk', { config: { scope: 'write' } }, (request, reply) => {
    const selection = selectionOf(request.query)
    return confirm(deps, request, reply, selection)
  })
  const config = { scope: 'write', audit: 'operation-begun' } as const
  app.post('/bulk', { config }, async (request, reply) => {
    const { body: given } = request
    const selection = selectionOf(given)
    const expected = Number(valueOf(given, 'expected') ?? 0)
    const typed = Number(valueOf(given, 'typed') ?? 0)
    if (expected > MANY && typed !== expected) {
      return confirm(deps, request, reply.code(422), selection, BULK.mistyped)
    }
    const body = selection && bodyOf(selection, Date.now(), { expected, ...wishesOf(given) })
    if (body === null) return confirm(deps, request, reply.code(422), selection)
    try {
      const id = await orderOperation(deps.api.beginOperation, request, body)
      request.audited = { target: id, detail: body.action }
      return await reply.redirect(`/operations/${id}`, 303)
    } catch (error) {
      if (!(error instanceof OperatorError) || error.code !== 'selection-changed') throw error
      return confirm(deps, request, reply.code(409), selection, BULK.changed)
    }
  })
}

function wishesOf(given: unknown): Partial<OperationBody> {
  const [pace, limit, note] = ['pace', 'limit', 'note'].map((name) => valueOf(given, name))
  const canary = valueOf(given, 'canary')
  return {
    ...(pace === undefined ? {} : { pace: Number(pace) }),
    ...(limit === undefined ? {} : { limit: Number(limit) }),
    ...(note === undefined ? {} : { note }),
    ...(canary === 'bank' || canary === 'none' ? { canary } : {})
  }
}

async function confirm(
  { api }: ScreenDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  selection: BulkSelection | null,
  why?: { readonly en: string; readonly es: string }
) {
  const context = contextOf(request, reply)
  const { say } = context
  const body = selection && bodyOf(selection, context.now)
  const note: Fragment =
    why !== undefined && html`<p class="banner bad" role="alert">${say(why)}</p>`
  if (selection === null || body === null) {
    const text = html`<p class="banner bad" role="alert">${say(BULK.notBySearch)}</p>`
    const status = reply.statusCode === 200 ? 422 : reply.statusCode
    return reply
      .code(status)
      .type('text/html; charset=utf-8')
      .send(page(context, { title: say(BULK.how), section: 'requests', body: text }))
  }
  const preview = await previewOperation(api.beginOperation, request, body)
  const title = say(BULK_ACTION[selection.action].question(preview.matched))
  const form = confirmForm(context, selection, preview)
  const json = JSON.stringify({ ...body, expected: preview.matched })
  const curl = ['POST', '/v1/operations', json]
  const section = isOnEntries(selection) ? 'quarantine' : 'requests'
  return reply
    .type('text/html; charset=utf-8')
    .send(page(context, { title, section, body: html`${note}${form}`, curl }))
}
