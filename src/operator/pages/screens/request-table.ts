import type { RequestView } from '../../../schemas/generated.ts'
import { html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { code, pill, reasonWord, shortId, when } from '../show.ts'
import { type Column, table } from '../table.ts'
import { LIST } from '../texts/request-texts.ts'

/** Requests, a row each. */
export function requestTable(
  context: PageContext,
  items: readonly RequestView[],
  mark: boolean
): Markup {
  const select = html`<span class="hidden">${context.say(LIST.select)}</span>`
  return table(context, {
    label: LIST.title,
    kind: 'rows stack',
    columns: [...(mark ? [{ title: select, kind: 'mark' } as const] : []), ...COLUMNS],
    rows: items.map((item) => row(context, item, mark))
  })
}

const COLUMNS: readonly Column[] = [
  { title: LIST.request },
  { title: LIST.state },
  { title: LIST.why },
  { title: LIST.bank, kind: 'wide' },
  { title: LIST.account, kind: 'wide' },
  { title: LIST.reference, kind: 'wide' },
  { title: LIST.tries, kind: 'n wide' },
  { title: LIST.requested, kind: 'wide' },
  { title: LIST.next }
]

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
