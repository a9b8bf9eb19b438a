import type { OperationView } from '../../../../schemas/generated.ts'
import { hidden } from '../../hidden-field.ts'
import { type Fragment, html, type Markup } from '../../html.ts'
import type { PageContext } from '../../page-context.ts'
import { code, number, reasonWord, searchPath, shortId, when } from '../../show.ts'
import { table } from '../../table.ts'
import { OPERATION_STATE, OPERATIONS } from '../../texts/bulk-texts.ts'

const TONE: Readonly<Record<OperationView['state'], string>> = {
  canary: 'waiting',
  running: 'moving',
  stopping: 'stuck',
  stopped: 'quiet',
  done: 'good'
}

export function statePill({ say }: PageContext, { state }: OperationView): Markup {
  return html`<span class="pill ${TONE[state]}">${say(OPERATION_STATE[state])}</span>`
}

/** What an operation takes, as a search. */
export function whatOf({ filter, ids }: OperationView): Markup {
  if (filter === null) return html`<code class="code">${ids === null ? 'all' : `${ids} ids`}</code>`
  const words = Object.entries(filter).map(([name, value]) => `${name}:${[value].flat().join(',')}`)
  return html`${words.map((word) => html`<code class="code">${word}</code> `)}`
}

export function progress({ say }: PageContext, { done, matched }: OperationView): Markup {
  const text = say(OPERATIONS.of(done, matched))
  return html`<progress
      max="${Math.max(1, matched)}"
      value="${done}"
      aria-label="${text}"
    ></progress>
    <span class="nowrap">${text}</span>`
}

/** How far an operation is, what became of its requests, and what it holds back. */
export function operationStory(context: PageContext, view: OperationView): Markup {
  const { say, may, csrf } = context
  const { operation, refused, skipped, endedAt, state } = view
  const isRunning = endedAt === null && state !== 'stopping'
  return html`<p class="crumbs">
      <a href="/operations">${say(OPERATIONS.title)}</a> / <code>${operation}</code>
    </p>
    <p>
      ${whatOf(view)} <span class="muted">${view.by} · ${when(context, view.startedAt)}</span>
      ${view.note !== null && html`<br />${view.note}`}
    </p>
    <div id="operation" data-live>
      <div class="card">
        <p ${endedAt === null && 'data-often'}>${statePill(context, view)}</p>
        ${progress(context, view)}
        <p class="muted">
          ${number(context, refused)} ${say(OPERATIONS.refused)} · ${number(context, skipped)}
          ${say(OPERATIONS.skipped)}
        </p>
        ${outcomes(context, view)}
        <p><a href="${searchPath({ operation })}">${say(OPERATIONS.see)}</a></p>
      </div>
      ${
        isRunning &&
        may('write') &&
        html`<form class="actions" method="post" action="/operations/${operation}/stop">
          ${hidden(csrf)}<button class="danger">${say(OPERATIONS.stop)}</button>
        </form>`
      }
      ${view.held.length > 0 && held(context, view)}
    </div>`
}

function outcomes(context: PageContext, { outcomes: of }: OperationView): Markup {
  const { say } = context
  const shown = [
    ['delivered', OPERATIONS.delivered, of.delivered],
    ['failed', OPERATIONS.failed, of.failed],
    ['parked', OPERATIONS.parkedAgain, of.parkedAgain],
    ['open', OPERATIONS.open, of.open]
  ] as const
  return html`<ul class="legend" aria-label="${say(OPERATIONS.outcomes)}">
    ${shown.map(
      ([kind, text, count]) =>
        html`<li>
          <span class="swatch ${kind}"></span>${say(text)}
          <strong>${number(context, count)}</strong>
        </li>`
    )}
  </ul>`
}

function held(context: PageContext, view: OperationView): Markup {
  const { say } = context
  const rows = view.held.map(
    (one) =>
      html`<tr>
        <td>${one.bank}</td>
        <td class="n"><strong>${number(context, one.requests)}</strong></td>
        <td>${because(context, one.because)}</td>
        <td>${context.may('write') && goOn(context, view.operation, one)}</td>
      </tr>`
  )
  return html`<section aria-labelledby="held">
    <h2 id="held">${say(OPERATIONS.held)}</h2>
    ${table(context, { label: { by: 'held' }, kind: 'stuck stack', columns: [], rows })}
  </section>`
}

type Held = OperationView['held'][number]

function because(context: PageContext, why: Held['because']): Fragment {
  if (why === null) return null
  return html`<a class="mono" href="/requests/${why.requestId}">${shortId(why.requestId)}</a>
    ${why.reason !== null && reasonWord(context, why.reason)} ${code(why.code)}`
}

function goOn({ say, csrf }: PageContext, operation: string, one: Held): Markup {
  const [name, value] =
    one.credentials === null ? ['bank', one.bank] : ['credentials', one.credentials]
  return html`<form method="post" action="/operations/${operation}/continue">
    ${hidden(csrf)}<input type="hidden" name="${name}" value="${value}" />
    <button>${say(OPERATIONS.goOn)}</button>
  </form>`
}
