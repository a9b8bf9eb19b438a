import type { FastifyInstance } from 'fastify'
import { END_STATES, LIVE_STATES, type State } from '../../../core/request.ts'
import type { Stats, Summary } from '../../../schemas/generated.ts'
import { DEFAULT_SERVICE } from '../../routes/create-request-route.ts'
import { readStats } from '../../routes/stats-route.ts'
import { countRequests, summarizeRequests } from '../../routes/summary-routes.ts'
import { type Fragment, html, type Markup } from '../html.ts'
import { page } from '../layout.ts'
import { contextOf, type PageContext } from '../page-context.ts'
import type { ScreenDeps } from '../pages-deps.ts'
import { age, number, searchPath } from '../show.ts'
import { OVERVIEW } from '../texts/overview-texts.ts'
import { STATE_WORD } from '../texts/words.ts'
import { bankTable, itselfTable, somebodyTable } from './cause-tables.ts'
import { dueChart } from './due-chart.ts'
import { flowChart } from './flow-chart.ts'
import { verdict } from './verdict-banner.ts'

const DAY_MS = 24 * 3_600_000
const BY = 'reason,code,bank'

/** `/`: whether anything waits for somebody, and what there is. */
export async function overviewScreen(app: FastifyInstance, deps: ScreenDeps): Promise<void> {
  app.get('/', { config: { scope: 'read' } }, async (request, reply) => {
    const context = contextOf(request, reply)
    const { summary, quarantine, stats } = deps.api
    const since = new Date(context.now - DAY_MS).toISOString()
    const [all, day, { entries }, flow] = await Promise.all([
      summarizeRequests(summary, { by: BY }),
      countRequests(summary, { by: BY, since }),
      quarantine.quarantine.usage(),
      readStats(stats, { step: '1m' })
    ])
    const { say } = context
    const isEmpty = all.accounting.accepted === 0
    const body = html`<div id="overview" data-live>
      ${verdict(context, all, entries)} ${isEmpty && empty(context)}
      ${all.groups === null && html`<p class="banner stuck">${say(OVERVIEW.indexing)}</p>`}
      ${tiles(context, all, day)} ${!isEmpty && causes(context, all, day, flow)}
      ${warnings(context, deps.own.concerns())}
    </div>`
    const title = say(OVERVIEW_TITLE)
    const curl = ['GET', `/v1/summary?by=${BY}`]
    return reply
      .type('text/html; charset=utf-8')
      .send(page(context, { title, section: 'overview', body, curl }))
  })
}

const OVERVIEW_TITLE = { en: 'Overview', es: 'Resumen' }

type Counted = Pick<Summary, 'states' | 'groups'>

function tiles(context: PageContext, all: Summary, day: Counted): Markup {
  const { say } = context
  const ended = say(OVERVIEW.lastDay)
  return html`<section aria-label="${say(OVERVIEW.states)}">
    <ul class="tiles">
      ${LIVE_STATES.map((state) => tile(context, state, all.states[state], null))}
      ${END_STATES.map((state) => tile(context, state, day.states[state], ended))}
    </ul>
  </section>`
}

function tile(
  context: PageContext,
  state: State,
  { count, oldestRequestedAt }: Summary['states'][State],
  within: string | null
): Markup {
  const { say } = context
  const path = searchPath({ state, since: within === null ? null : '24h' })
  const tone =
    state === 'parked' && count > 0 ? 'stuck' : state === 'failed' && count > 0 ? 'bad' : ''
  const below: Fragment =
    within !== null
      ? within
      : oldestRequestedAt !== null &&
        html`${say(OVERVIEW.oldest)} ${age(context, oldestRequestedAt)}`
  return html`<li>
    <a class="tile ${tone}" href="${path}"
      ><span class="what">${say(STATE_WORD[state])}</span><strong>${number(context, count)}</strong
      ><span class="muted">${below || html`&nbsp;`}</span></a
    >
  </li>`
}

function causes(context: PageContext, all: Summary, day: Counted, flow: Stats): Markup {
  const { say } = context
  const groups = all.groups ?? []
  return html`<div class="columns">
      <section aria-labelledby="somebody">
        <h2 id="somebody">${say(OVERVIEW.somebody)}</h2>
        ${somebodyTable(context, groups)}
      </section>
      <div>
        <section aria-labelledby="itself">
          <h2 id="itself">${say(OVERVIEW.itself)}</h2>
          ${itselfTable(context, groups)}
        </section>
        ${flowChart(context, flow)} ${dueChart(context, all.due)}
      </div>
    </div>
    <section aria-labelledby="banks">
      <h2 id="banks">${say(OVERVIEW.banks)}</h2>
      ${bankTable(context, groups, day.groups ?? [])}
    </section>`
}

function warnings({ say }: PageContext, concerns: readonly string[]): Fragment {
  if (concerns.length === 0) return null
  const items = concerns.map((text) => html`<li>${text}</li>`)
  return html`<section aria-labelledby="warnings">
    <h2 id="warnings">${say(OVERVIEW.warnings)}</h2>
    <ul lang="en">
      ${items}
    </ul>
  </section>`
}

/** The first request to make. */
function empty({ say, origin }: PageContext): Markup {
  const body = JSON.stringify({
    service: DEFAULT_SERVICE,
    RequestData: { AccountNumber: '000011887755' },
    reference: 'my-name-for-it'
  })
  const line = `curl -X POST '${origin}/v1/requests' \\\n  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\\n  -H 'Idempotency-Key: first' \\\n  -d '${body}'`
  return html`<section class="card" aria-labelledby="empty">
    <h2 id="empty">${say(OVERVIEW.emptyTitle)}</h2>
    <p>${say(OVERVIEW.emptyText)}</p>
    <pre tabindex="0"><code>${line}</code></pre>
    <p class="muted">${say(OVERVIEW.emptyAfter)}</p>
  </section>`
}
