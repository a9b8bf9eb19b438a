import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { bankOf, isAskedFor } from '../../core/groups/group.ts'
import type { PlacedChange } from '../../ledger/events/joined-events.ts'
import type { RequestEvent } from '../../schemas/generated.ts'
import { type EventFeed, MOST_LISTENERS } from '../event-feed.ts'
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

/** A comment that keeps proxies from closing a connection on which nothing happens. */
const COMMENT_EVERY_MS = 15_000
/** A client that reads nothing loses its connection before it fills the memory. */
const MOST_UNREAD_BYTES = 1024 * 1024

/**
 * `GET /v1/events`: changes of requests as they happen, as server-sent events. `Last-Event-ID` goes on behind an event.
 * `event: reset` comes first where events behind it have been deleted: what was shown has to be read anew.
 */
export async function eventsRoute(app: FastifyInstance, deps: EventsDeps): Promise<void> {
  const open = new Set<ServerResponse>()
  app.addHook('preClose', async () => {
    for (const response of open) response.end()
  })
  app.get<{ Querystring: EventsQuery }>(
    '/events',
    {
      exposeHeadRoute: false,
      config: { scope: 'read', problems: ['too-many-clients'] },
      schema: EVENTS_SCHEMA
    },
    async (request, reply) => {
      const { raw } = reply
      const asked = request.headers['last-event-id']
      const { place, isReset } = await startOf(deps.feed, asked)
      const filter = groupsOf(request.query)
      const stop = deps.feed.listen(place, (changes) => {
        for (const change of changes) if (isAskedFor(filter, change.to)) raw.write(textOf(change))
        if (raw.writableLength > MOST_UNREAD_BYTES) raw.destroy()
      })
      if (stop === null) {
        const detail = `${MOST_LISTENERS} clients listen to this process already`
        throw new OperatorError('too-many-clients', detail)
      }
      const timer = setInterval(() => raw.write(': nothing new\n\n'), COMMENT_EVERY_MS)
      open.add(raw)
      // The listener lets a client close its side and still answers. Nobody reads these answers then.
      request.socket.once('end', () => raw.destroy())
      raw.once('close', () => {
        clearInterval(timer)
        open.delete(raw)
        stop()
      })
      reply.hijack()
      const headers = { ...reply.getHeaders(), 'content-type': 'text/event-stream' }
      // Buffering proxies would hold the events back.
      raw.writeHead(200, { ...headers, 'x-accel-buffering': 'no' } as Record<string, string>)
      raw.write(isReset ? `id: ${place}\nevent: reset\ndata: {}\n\n` : ': listening\n\n')
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
