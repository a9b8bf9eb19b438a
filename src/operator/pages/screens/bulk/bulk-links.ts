import type { OperationAction } from '../../../../schemas/generated.ts'
import { html, type Markup } from '../../html.ts'
import type { PageContext } from '../../page-context.ts'
import { searchOf } from '../../show.ts'
import { BULK_ACTION } from '../../texts/bulk-texts.ts'

/** Buttons that lead to the question about all that a search finds. */
export function bulkLinks(
  { say }: PageContext,
  actions: readonly OperationAction[],
  words: Readonly<Record<string, string | null>>
): readonly Markup[] {
  const query = encodeURIComponent(searchOf(words))
  return actions.map((action) => {
    const kind = action === 'cancel' ? 'danger' : 'primary'
    return html`<a class="button ${kind}" href="/bulk?action=${action}&q=${query}"
      >${say(BULK_ACTION[action].name)}…</a
    >`
  })
}
