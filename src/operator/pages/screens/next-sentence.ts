import type { Explanation } from '../../../schemas/generated.ts'
import { html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { bankDay, shortId, when } from '../show.ts'
import { STORY } from '../texts/request-texts.ts'

/** What happens to a request by itself, and when. */
export function nextSentence(
  context: PageContext,
  { next: { at, what, otherwise }, blockedBy }: Explanation
): Markup {
  const { say, now } = context
  if (blockedBy !== null) {
    return html`${say(STORY.sendsAfter)} <a href="/requests/${blockedBy}">${shortId(blockedBy)}</a>`
  }
  if (at !== null) {
    if (Date.parse(at) <= now) return html`${say(STORY.sendsFirst)}`
    const isAnotherDay = bankDay(Date.parse(at)) !== bankDay(now)
    return html`${say(STORY.sends)} ${when(context, at)}. ${isAnotherDay && say(STORY.midnight)}`
  }
  if (otherwise === null) return html`${say(STORY.ended)}`
  const begin = what === 'await-callback' ? STORY.awaits : STORY.fails
  return html`${say(begin)} ${when(context, otherwise.at)}.`
}
