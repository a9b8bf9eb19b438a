import type { OperationAction } from '../../../../schemas/generated.ts'
import { html, type Markup } from '../../html.ts'
import type { PageContext } from '../../page-context.ts'
import { pathTo, searchOf } from '../../show.ts'
import { BULK_ACTION } from '../../texts/bulk-texts.ts'

/** Buttons that lead to the question about all that a search finds. */
export function bulkLinks(
  { say }: PageContext,
  actions: readonly OperationAction[],
  words: Readonly<Record<string, string | null>>
): readonly Markup[] {
  const q = searchOf(words)
  return actions.map((action) => bulkLink(action, { q }, `${say(BULK_ACTION[action].name)}…`))
}

/** A button that leads to the question about many. */
export function bulkLink(
  action: OperationAction,
  about: Readonly<Record<string, string | null>>,
  text: string
): Markup {
  const kind = isDanger(action) ? 'danger' : 'primary'
  return html`<a class="button ${kind}" href="${pathTo('/bulk', { action, ...about })}">${text}</a>`
}

/** Whether an action can not be taken back. */
export function isDanger(action: OperationAction): boolean {
  return action === 'cancel' || action === 'discard'
}
