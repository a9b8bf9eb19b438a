import type { FastifyInstance } from 'fastify'
import { bankOf, isAskedFor } from '../../core/groups/group.ts'
import type { PlacedChange } from '../../ledger/events/joined-events.ts'
import type { RequestEvent } from '../../schemas/generated.ts'
import { type EventFeed, MOST_LISTENERS } from '../event-feed.ts'
import { createEventStreams, writeEvents } from '../event-stream.ts'
import { groupsOf, type ListQuery } from '../list-query.ts'
import { OperatorError } from '../problem.ts'
import { LIST_QUERY } from '../query-schemas.ts'
import { ref } from '../route-schemas.ts'
import { instant } from '../views.ts'

export interface EventsDeps {
  readonly feed: EventFeed
}

const { state, reason, code, service, bank } = LIST_QUERY.properties
const EVENTS_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: { state, reason, code, service, bank }
} as const

/** For OpenAPI only. An id of no event has the same answer as one that is too old. */
const LAST_EVENT_HEADER = {
  type: 'object',
  properties: {
    'last-event-id': { type: 'string', description: 'Go on behind the event with this id' }
  }
} as const

const STREAM = {
  description: 'A stream of events `request`, whose `data` is JSON of this schema',
  content: { 'text/event-stream': { schema: ref('request-event') } }
} as const

const EVENTS_SCHEMA = {
  operationId: 'followEvents',
  tags: ['requests'],
  summary: 'Follow changes of requests as server-sent events',
  querystring: EVENTS_QUERY,
  headers: LAST_EVENT_HEADER,
  response: { 200: STREAM }
} as const

type EventsQuery = Pick<ListQuery, 'state' | 'reason' | 'code' | 'service' | 'bank'>

/**
 * `GET /v1/events`: changes of requests as they happen, as server-sent events. `Last-Event-ID` goes on behind an event.
 * `event: reset` comes first where events behind it have been deleted: what was shown has to be read anew.
 */
export async function eventsRoute(app: FastifyInstance, deps: EventsDeps): Promise<void> {
  const open = createEventStreams(app)
  app.get<{ Querystring: EventsQuery }>(
    '/events',
    {
      exposeHeadRoute: false,
      config: { scope: 'read', problems: ['too-many-clients'] },
      schema: EVENTS_SCHEMA
    },
    async (request, reply) => {
      const { place, isReset } = await startOf(deps.feed, request.headers['last-event-id'])
      const filter = groupsOf(request.query)
      const stop = deps.feed.listen(place, (changes) => {
        const asked = changes.filter(({ to }) => isAskedFor(filter, to))
        if (asked.length > 0) writeEvents(reply, asked.map(textOf).join(''))
      })
      if (stop === null) {
        const detail = `${MOST_LISTENERS} clients listen to this process already`
        throw new OperatorError('too-many-clients', detail)
      }
      const first = isReset ? `id: ${place}\nevent: reset\ndata: {}\n\n` : ': listening\n\n'
      open(request, reply, first, stop)
    }
  )
}

/** Where a client starts, and whether it may have missed events. */
async function startOf(feed: EventFeed, asked: string | string[] | undefined) {
  if (typeof asked !== 'string') return { place: await feed.end(), isReset: false }
  if (await feed.canReadBehind(asked)) return { place: asked, isReset: false }
  return { place: await feed.end(), isReset: true }
}

function textOf({ place, requestId, from, to, at }: PlacedChange): string {
  const data: RequestEvent = {
    requestId,
    from,
    to: to.state,
    reason: to.reason === '' ? null : to.reason,
    code: to.code === '' ? null : to.code,
    bank: bankOf(to.service),
    at: instant(at)
  }
  return `id: ${place}\nevent: request\ndata: ${JSON.stringify(data)}\n\n`
}
