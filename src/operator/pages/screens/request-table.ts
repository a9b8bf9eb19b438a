import type { RequestView } from '../../../schemas/generated.ts'
import { html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { code, pill, reasonWord, shortId, when } from '../show.ts'
import { LIST } from '../texts/request-texts.ts'

/** Requests, a row each. */
export function requestTable(
  context: PageContext,
  items: readonly RequestView[],
  mark: boolean
): Markup {
  const { say } = context
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${say(LIST.title)}">
    <table class="rows stack">
      <thead>
        <tr>
          ${mark && html`<th class="mark"><span class="hidden">${say(LIST.select)}</span></th>`}
          <th>${say(LIST.request)}</th>
          <th>${say(LIST.state)}</th>
          <th>${say(LIST.why)}</th>
          <th class="wide">${say(LIST.bank)}</th>
          <th class="wide">${say(LIST.account)}</th>
          <th class="wide">${say(LIST.reference)}</th>
          <th class="n wide">${say(LIST.tries)}</th>
          <th class="wide">${say(LIST.requested)}</th>
          <th>${say(LIST.next)}</th>
        </tr>
      </thead>
      <tbody>
        ${items.map((item) => row(context, item, mark))}
      </tbody>
    </table>
  </div>`
}

function row(context: PageContext, item: RequestView, mark: boolean): Markup {
  const { requestId, state, reason, code: of, bank, account, reference, attempts } = item
  const label = `${context.say(LIST.select)} ${shortId(requestId)}`
  const box = html`<td class="mark">
    <input type="checkbox" name="id" value="${requestId}" aria-label="${label}" />
  </td>`
  return html`<tr>
    ${mark && box}
    <td class="nowrap"><a class="mono" href="/requests/${requestId}">${shortId(requestId)}</a></td>
    <td>${pill(context, state)}</td>
    <td>${reason !== null && reasonWord(context, reason)} ${code(of)}</td>
    <td class="wide">${bank}</td>
    <td class="wide nowrap">${account !== null && `…${account.endsWith}`}</td>
    <td class="wide break">${reference}</td>
    <td class="n wide">${attempts}</td>
    <td class="wide">${when(context, item.requestedAt)}</td>
    <td>${item.dueAt !== null && when(context, item.dueAt)}</td>
  </tr>`
}
