import type { FastifyInstance } from 'fastify'
import { bankOf, isAskedFor } from '../../core/groups/group.ts'
import type { PlacedChange } from '../../ledger/events/joined-events.ts'
import type { OperationEvent, QuarantineEvent, RequestEvent } from '../../schemas/generated.ts'
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
  properties: {
    state,
    reason,
    code,
    service,
    bank,
    operation: { type: 'string', maxLength: 64, description: 'Only events of this operation' }
  }
} as const

/** For OpenAPI only. An id of no event has the same answer as one that is too old. */
const LAST_EVENT_HEADER = {
  type: 'object',
  properties: {
    'last-event-id': { type: 'string', description: 'Go on behind the event with this id' }
  }
} as const

const STREAM = {
  description:
    'A stream of events `request`, `operation` and `quarantine`, whose `data` is JSON of these schemas',
  content: {
    'text/event-stream': {
      schema: {
        anyOf: [ref('request-event'), ref('operation-event'), ref('quarantine-event')]
      }
    }
  }
} as const

const EVENTS_SCHEMA = {
  operationId: 'followEvents',
  tags: ['requests'],
  summary: 'Follow changes as server-sent events',
  querystring: EVENTS_QUERY,
  headers: LAST_EVENT_HEADER,
  response: { 200: STREAM }
} as const

type EventsQuery = Pick<ListQuery, 'state' | 'reason' | 'code' | 'service' | 'bank'> & {
  readonly operation?: string
}

/**
 * `GET /v1/events`: changes of requests, operations and the quarantine as server-sent events. `Last-Event-ID` goes on behind an event.
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
      const stop = deps.feed.listen(place, (changes) => {
        const asked = changes.filter((change) => isWanted(change, request.query))
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

/** A filter lets through what it can be said of: one of requests no operation, and the other way round. */
function isWanted(change: PlacedChange, { operation, ...query }: EventsQuery): boolean {
  const isFiltered = Object.values(query).some((value) => value !== undefined)
  switch (change.type) {
    case 'request':
      return operation === undefined && isAskedFor(groupsOf(query), change.to)
    case 'operation':
      return !isFiltered && (operation === undefined || operation === change.operationId)
    case 'quarantine':
      return !isFiltered && operation === undefined
  }
}

function textOf(change: PlacedChange): string {
  const { place, type } = change
  return `id: ${place}\nevent: ${type}\ndata: ${JSON.stringify(dataOf(change))}\n\n`
}

function dataOf(change: PlacedChange): RequestEvent | OperationEvent | QuarantineEvent {
  const at = instant(change.at)
  switch (change.type) {
    case 'request': {
      const { requestId, from, to } = change
      const { state, service } = to
      const reason = to.reason === '' ? null : to.reason
      const code = to.code === '' ? null : to.code
      return { requestId, from, to: state, reason, code, bank: bankOf(service), at }
    }
    case 'operation': {
      const { operationId, state } = change
      return { operationId, state, at }
    }
    case 'quarantine': {
      const { quarantineId, requestId, kind } = change
      return { quarantineId, requestId, kind, change: change.change, at }
    }
  }
}
