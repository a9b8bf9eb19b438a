import { ENDED } from '../../../core/groups/group.ts'
import { sum } from '../../../core/sum.ts'
import type { SummaryGroup } from '../../../schemas/generated.ts'
import { html, type Markup } from '../html.ts'
import type { PageContext } from '../page-context.ts'
import { age, code, number, pill, reasonWord, searchPath } from '../show.ts'
import { table } from '../table.ts'
import { OVERVIEW } from '../texts/overview-texts.ts'
import { ADVICE_TEXT, STATE_WORD } from '../texts/words.ts'

/** What waits for a person, by cause and bank. */
export function somebodyTable(context: PageContext, groups: readonly SummaryGroup[]): Markup {
  const { say } = context
  const found = groups.filter(({ needs }) => needs === 'somebody')
  if (found.length === 0) return html`<p class="nothing">${say(OVERVIEW.nobody)}</p>`
  const rows = found.map(
    (group) =>
      html`<tr>
        <td>${reasonLink(context, group)} ${code(group.code)}</td>
        <td>${group.bank}</td>
        <td class="n"><strong>${number(context, group.count)}</strong></td>
        <td>${age(context, group.oldestRequestedAt)}</td>
        <td class="todo">${group.advice !== null && say(ADVICE_TEXT[group.advice])}</td>
      </tr>`
  )
  return table(context, {
    label: { by: 'somebody' },
    kind: 'stuck stack',
    columns: [
      { title: OVERVIEW.reason },
      { title: OVERVIEW.bank },
      { title: OVERVIEW.count, kind: 'n' },
      { title: OVERVIEW.oldestTitle },
      { title: OVERVIEW.todo }
    ],
    rows
  })
}

/** What waits without a person, of all banks together. */
export function itselfTable(context: PageContext, groups: readonly SummaryGroup[]): Markup {
  const { say } = context
  const found = collapse(
    groups.filter(
      ({ needs, state, reason }) => needs === 'nobody' && reason !== null && !ENDED.has(state)
    )
  )
  if (found.length === 0) return html`<p class="nothing">${say(OVERVIEW.nothing)}</p>`
  const rows = found.map(
    (group) =>
      html`<tr>
        <td>${reasonLink(context, group)} ${code(group.code)}</td>
        <td>${pill(context, group.state)}</td>
        <td class="n">${number(context, group.count)}</td>
        <td>${age(context, group.oldestRequestedAt)}</td>
      </tr>`
  )
  return table(context, {
    label: { by: 'itself' },
    columns: [
      { title: OVERVIEW.reason },
      { title: STATE_TITLE },
      { title: OVERVIEW.count, kind: 'n' },
      { title: OVERVIEW.oldestTitle }
    ],
    rows
  })
}

const STATE_TITLE = { en: 'State', es: 'Estado' }

/** The same groups with their banks added up, the largest first. */
function collapse(groups: readonly SummaryGroup[]): readonly SummaryGroup[] {
  const sums = new Map<string, SummaryGroup>()
  for (const group of groups) {
    const name = [group.state, group.reason, group.code].join('|')
    const before = sums.get(name)
    const oldest = [before?.oldestRequestedAt ?? group.oldestRequestedAt, group.oldestRequestedAt]
    const [oldestRequestedAt = ''] = oldest.toSorted()
    const count = (before?.count ?? 0) + group.count
    sums.set(name, { ...group, bank: null, count, oldestRequestedAt })
  }
  return [...sums.values()].toSorted((one, other) => other.count - one.count)
}

function reasonLink(context: PageContext, { state, reason, code: of, bank }: SummaryGroup): Markup {
  const path = searchPath({ state, reason, code: of, bank })
  return html`<a href="${path}"
    >${reason === null ? context.say(STATE_WORD[state]) : reasonWord(context, reason)}</a
  >`
}

const COLUMNS = ['parked', 'delivered', 'failed'] as const

/** How each bank does: what is live now, and what ended of the requests of the last day. */
export function bankTable(
  context: PageContext,
  groups: readonly SummaryGroup[],
  day: readonly SummaryGroup[]
): Markup {
  const { say } = context
  const names = [...new Set([...groups, ...day].map(({ bank }) => bank ?? ''))].toSorted()
  const rows = names.map((bank) => {
    const of = (list: readonly SummaryGroup[]) => list.filter((group) => group.bank === bank)
    const live = countOf(of(groups).filter(({ state }) => !ENDED.has(state)))
    const cells = COLUMNS.map((state) => {
      const isEnded = ENDED.has(state)
      const count = countOf(of(isEnded ? day : groups).filter((group) => group.state === state))
      const path = searchPath({ state, bank, since: isEnded ? '24h' : null })
      return html`<td class="n">
        ${count === 0 ? '0' : html`<a href="${path}">${number(context, count)}</a>`}
      </td>`
    })
    return html`<tr>
      <td><a href="${searchPath({ bank })}">${bank}</a></td>
      <td class="n">${number(context, live)}</td>
      ${cells}
    </tr>`
  })
  const heads = COLUMNS.map((state) => {
    const lastDay = ENDED.has(state) && ` ${say(OVERVIEW.lastDay)}`
    return { title: html`${say(STATE_WORD[state])}${lastDay}`, kind: 'n' } as const
  })
  return table(context, {
    label: { by: 'banks' },
    columns: [{ title: OVERVIEW.bank }, { title: OVERVIEW.live, kind: 'n' }, ...heads],
    rows
  })
}

function countOf(groups: readonly SummaryGroup[]): number {
  return sum(groups.map(({ count }) => count))
}
