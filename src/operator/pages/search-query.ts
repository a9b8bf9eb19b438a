import type { SearchFilters } from '../../core/search/parse-search.ts'
import { spanMs, type ListQuery } from '../list-query.ts'
import { instant } from '../views.ts'

/** The query of `GET /v1/requests` that a search stands for. `now` is what its ages count from, in ms since 1970. */
export function listQueryOf(filters: SearchFilters, now: number): ListQuery {
  const { since, until, older, due, reference, operation, ...lists } = filters
  const query: Partial<Record<keyof ListQuery, string | undefined>> = {
    ...lists,
    since: since === undefined ? undefined : timeOf(since, now),
    until: until === undefined ? undefined : timeOf(until, now),
    olderThan: older,
    dueBefore: due === undefined ? undefined : instant(now + spanMs(due)),
    ...(operation?.startsWith('op_') === true ? { operation } : { operationId: operation }),
    ...(reference?.endsWith('*') === true
      ? { referencePrefix: reference.slice(0, -1) }
      : { reference })
  }
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as ListQuery
}

/** An instant, a day from its beginning in UTC on, or an age. */
function timeOf(text: string, now: number): string {
  if (text.length === 10) return `${text}T00:00:00Z`
  return text.includes('T') ? text : instant(now - spanMs(text))
}
