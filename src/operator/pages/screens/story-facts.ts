import type { Explanation, RequestView } from '../../../schemas/generated.ts'
import { type Fragment, html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { age, searchPath, shortId, when } from '../show.ts'
import { STORY } from '../texts/request-texts.ts'

/** What is known of a request; nothing of it is secret. */
export function factList(
  context: PageContext,
  view: RequestView,
  { spent, rule, blockedBy }: Explanation
): Markup {
  const { say } = context
  const { account, reference, operationId } = view
  const from = say(rule.source === 'built-in' ? STORY.builtIn : STORY.fromFile)
  const of = (used: number, most: number) => `${used} ${say(STORY.of)} ${most}`
  return html`<dl class="facts">
    ${fact(say(STORY.service), html`<a href="${searchPath({ service: view.service })}">${view.service}</a>`)}
    ${
      account !== null &&
      fact(
        say(STORY.account),
        html`${say(STORY.endsWith)} ${account.endsWith} ·
          <a class="mono" href="${searchPath({ account: account.id })}">${account.id}</a>`
      )
    }
    ${
      reference !== null &&
      fact(say(STORY.reference), html`<a href="${referencePath(reference)}">${reference}</a>`)
    }
    ${operationId !== null && fact(say(STORY.operation), html`<code>${operationId}</code>`)}
    ${fact(say(STORY.requestedBy), html`${view.requestedBy} ${when(context, view.requestedAt)}`)}
    ${fact(say(STORY.since), age(context, view.stateSince))}
    ${fact(say(STORY.spent), of(spent.attempts, spent.mostAttempts))}
    ${spent.logons > 0 && fact(say(STORY.logons), of(spent.logons, spent.mostLogons))}
    ${
      blockedBy !== null &&
      fact(
        say(STORY.blockedBy),
        html`<a class="mono" href="/requests/${blockedBy}">${shortId(blockedBy)}</a>`
      )
    }
    ${fact(say(STORY.rule), html`<code>${rule.row}</code> (${from}): ${rule.text}`)}
  </dl>`
}

function referencePath(reference: string): string {
  const value = /[\s*]/.test(reference) ? `"${reference}"` : reference
  return searchPath({ reference: value })
}

function fact(name: string, value: Fragment): Markup {
  return html`<dt>${name}</dt>
    <dd>${value}</dd>`
}
