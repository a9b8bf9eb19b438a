import { isOnEntries } from '../../../../core/operations/members.ts'
import { sends } from '../../../../core/operations/operation.ts'
import type { OperationPreview } from '../../../../schemas/generated.ts'
import type { BulkSelection } from '../../bulk-selection.ts'
import { hidden } from '../../hidden-field.ts'
import { type Fragment, html, type Markup } from '../../html.ts'
import type { PageContext } from '../../page-context.ts'
import { number, pathTo } from '../../show.ts'
import { table } from '../../table.ts'
import { BULK, BULK_ACTION } from '../../texts/bulk-texts.ts'
import { FRAME } from '../../texts/frame-texts.ts'
import { QUARANTINE } from '../../texts/quarantine-texts.ts'
import { KIND_TEXT } from '../../texts/words.ts'
import { isDanger } from './bulk-links.ts'

/** Over so many the count is typed. */
export const MANY = 100

/** What an action would take and cost, and how it is to be done. */
export function confirmForm(
  context: PageContext,
  selection: BulkSelection,
  preview: OperationPreview
): Markup {
  const { say, csrf } = context
  const { action, ids, query, kind } = selection
  const { matched } = preview
  const back = backTo(selection)
  if (matched === 0) {
    return html`<p class="nothing">
      ${say(BULK.nothing)} <a href="${back}">${say(FRAME.back)}</a>
    </p>`
  }
  const tone = isDanger(action) ? 'danger' : 'primary'
  return html`<div class="banner ${isDanger(action) ? 'bad' : 'stuck'}">
      <p>
        ${whichOf(context, selection)}: <strong>${number(context, matched)}</strong>.
        ${say(BULK.fixed)}
      </p>
      ${costs(context, preview)}
    </div>
    ${banks(context, preview)}
    <form class="card narrow" method="post" action="/bulk">
      ${hidden(csrf)}<input type="hidden" name="action" value="${action}" />
      <input type="hidden" name="q" value="${query}" />
      ${kind !== null && html`<input type="hidden" name="kind" value="${kind}" />`}
      <input type="hidden" name="expected" value="${matched}" />
      ${ids.map((id) => html`<input type="hidden" name="id" value="${id}" />`)}
      ${sends(selection) && how(context, matched)}
      <label for="note">${say(BULK.note)}</label>
      <input id="note" name="note" type="text" maxlength="500" autocomplete="off" />
      ${matched > MANY && typed(context, matched)}
      <p class="actions">
        <button class="${tone}">${say(BULK_ACTION[action].submit(matched))}</button>
        <a class="button" href="${back}">${say(FRAME.back)}</a>
      </p>
    </form>`
}

function whichOf({ say }: PageContext, selection: BulkSelection): Fragment {
  const { ids, query, kind } = selection
  if (isOnEntries(selection)) return say(kind === null ? QUARANTINE.all : KIND_TEXT[kind])
  if (ids.length > 0) return say(BULK.selected)
  return html`${say(BULK.matches)} <code class="code">${query}</code>`
}

function backTo(selection: BulkSelection): string {
  const { kind, query } = selection
  return isOnEntries(selection)
    ? pathTo('/quarantine', { kind })
    : pathTo('/requests', { q: query })
}

function costs({ say }: PageContext, { costsAtMost, notAllowed }: OperationPreview): Fragment {
  return html`<p>${say(costsAtMost === 0 ? BULK.free : BULK.costs(costsAtMost))}</p>
    ${notAllowed !== null && notAllowed > 0 && html`<p>${say(BULK.notAllowed(notAllowed))}</p>`}`
}

function banks(context: PageContext, { byBank }: OperationPreview): Fragment {
  if (byBank.length === 0) return null
  const rows = byBank.map(
    ({ bank, requests, credentials }) =>
      html`<tr>
        <td>${bank}</td>
        <td class="n">${number(context, requests)}</td>
        <td class="n">${credentials === null ? '–' : number(context, credentials)}</td>
      </tr>`
  )
  return table(context, {
    label: BULK.bank,
    room: 'narrow room',
    columns: [
      { title: BULK.bank },
      { title: BULK.requests, kind: 'n' },
      { title: BULK.credentials, kind: 'n' }
    ],
    rows
  })
}

function how({ say }: PageContext, matched: number): Markup {
  return html`<fieldset>
      <legend>${say(BULK.how)}</legend>
      <label><input type="radio" name="canary" value="bank" checked /> ${say(BULK.canary)}</label>
      <label><input type="radio" name="canary" value="none" /> ${say(BULK.noCanary)}</label>
    </fieldset>
    <label for="pace">${say(BULK.pace)}</label>
    <input id="pace" name="pace" type="number" min="1" step="any" inputmode="decimal" />
    <label for="limit">${say(BULK.limit)}</label>
    <input id="limit" name="limit" type="number" min="1" max="${matched}" inputmode="numeric" />`
}

function typed({ say }: PageContext, matched: number): Markup {
  return html`<label for="typed">${say(BULK.typed(matched))}</label>
    <input
      id="typed"
      name="typed"
      type="text"
      inputmode="numeric"
      pattern="${matched}"
      required
      autocomplete="off"
    />`
}
