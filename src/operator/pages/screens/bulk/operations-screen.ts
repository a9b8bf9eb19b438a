import type { FastifyInstance } from 'fastify'
import type { OperationView } from '../../../../schemas/generated.ts'
import {
  continueOperation,
  readOperations,
  stopOperation
} from '../../../routes/operation-routes.ts'
import { lookAt } from '../../../operations/view-operation.ts'
import { html, type Markup } from '../../html.ts'
import { page } from '../../layout.ts'
import { contextOf, type PageContext, valueOf } from '../../page-context.ts'
import type { ScreenDeps } from '../../pages-deps.ts'
import { when } from '../../show.ts'
import { pager, table } from '../../table.ts'
import { BULK_ACTION, OPERATIONS } from '../../texts/bulk-texts.ts'
import { operationStory, progress, statePill, whatOf } from './operation-story.ts'

type ById = { Params: { op: string } }

/** `/operations`: what was done to many at once, and how far each operation is. */
export async function operationsScreen(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  app.get('/operations', { config: { scope: 'read' } }, async (request, reply) => {
    const context = contextOf(request, reply)
    const { say } = context
    const cursor = valueOf(request.query, 'cursor')
    const { items, nextCursor } = await readOperations(
      api.operations,
      cursor === undefined ? {} : { cursor }
    )
    const body = html`<p>${say(OPERATIONS.intro)}</p>
      <div id="operations" data-live>
        ${items.length === 0 ? empty(context) : operationTable(context, items)}
        ${pager(context, '/operations', {}, { cursor: undefined, next: nextCursor })}
      </div>`
    const curl = ['GET', '/v1/operations']
    return reply
      .type('text/html; charset=utf-8')
      .send(page(context, { title: say(OPERATIONS.title), section: 'operations', body, curl }))
  })
  app.get<ById>('/operations/:op', { config: { scope: 'read' } }, async (request, reply) => {
    const context = contextOf(request, reply)
    const { op } = request.params
    const view = await lookAt(api.operations, op)
    const title = context.say(BULK_ACTION[view.action].name)
    const body = operationStory(context, view)
    const curl = ['GET', `/v1/operations/${op}`]
    return reply
      .type('text/html; charset=utf-8')
      .send(page(context, { title, section: 'operations', body, curl }))
  })
  changes(app, { api })
}

function changes(app: FastifyInstance, { api }: Pick<ScreenDeps, 'api'>): void {
  const stopping = { scope: 'write', audit: 'operation-stopped' } as const
  app.post<ById>('/operations/:op/stop', { config: stopping }, async (request, reply) => {
    const { op } = request.params
    request.audited = { target: op }
    await stopOperation(api.operations, request.caller, op)
    return reply.redirect(`/operations/${op}`, 303)
  })
  const continuing = { scope: 'write', audit: 'operation-continued' } as const
  app.post<ById>('/operations/:op/continue', { config: continuing }, async (request, reply) => {
    const { op } = request.params
    request.audited = { target: op }
    const credentials = valueOf(request.body, 'credentials')
    const bank = valueOf(request.body, 'bank')
    const which =
      credentials !== undefined
        ? { credentials }
        : bank !== undefined
          ? { bank }
          : { all: true as const }
    await continueOperation(api.operations, request.caller, op, which)
    return reply.redirect(`/operations/${op}`, 303)
  })
}

function empty({ say }: PageContext): Markup {
  return html`<p class="nothing">
    <strong>${say(OPERATIONS.empty)}</strong> ${say(OPERATIONS.emptyText)}
  </p>`
}

function operationTable(context: PageContext, items: readonly OperationView[]): Markup {
  const { say } = context
  const rows = items.map(
    (view) =>
      html`<tr>
        <td>
          <a href="/operations/${view.operation}">${say(BULK_ACTION[view.action].name)}</a>
          ${whatOf(view)}
        </td>
        <td>${statePill(context, view)}</td>
        <td>${progress(context, view)}</td>
        <td>
          ${view.by}${view.note !== null && html`<br /><span class="muted break">${view.note}</span>`}
        </td>
        <td>${when(context, view.startedAt)}</td>
      </tr>`
  )
  const columns = HEADS.map((title) => ({ title }))
  return table(context, { label: OPERATIONS.title, kind: 'rows stack', columns, rows })
}

const HEADS = [
  OPERATIONS.what,
  OPERATIONS.state,
  OPERATIONS.progress,
  OPERATIONS.by,
  OPERATIONS.started
]
