import type { FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { LARGE_BYTES } from '../schemas/large.ts'
import { createMemoryBudget, type FreeMemory, type MemoryBudget } from './memory-budget.ts'

/** Limits for the bodies in memory. Large bodies have limits of their own, so small ones never wait for them. */
const ROOM_FOR_LARGE = { bytes: 32 * 1024 * 1024, bytesOfRequest: 16 * 1024 * 1024 }
const ROOM_FOR_SMALL = { bytes: 16 * 1024 * 1024, bytesOfRequest: 4 * 1024 * 1024 }

/** Admits bodies to memory. No byte of a body is read before there is room for the most bytes that it may have. */
export interface BodyReading {
  /** True once there is room, false where the connection has closed before. */
  begin(
    requestId: string,
    request: FastifyRequest,
    response: ServerResponse
  ): Promise<boolean> | boolean
  /** The work on a body begins. Returns what frees its room; until then, no closed connection frees it. */
  work(request: FastifyRequest): FreeMemory
  /** When the body could first have been read, by `performance.now()`; undefined where `begin` gave it no room. */
  cameAt(request: FastifyRequest): number | undefined
  /** True for a connection whose request time limit counts from its admission, because its body may have waited. */
  hasWaited(socket: Socket): boolean
}

interface Place {
  readonly cameAt: number
  readonly leave: FreeMemory
  isWorkedOn: boolean
}

export function limitBodyReading(bodyLimit: number): BodyReading {
  const [large, small] = [createMemoryBudget(ROOM_FOR_LARGE), createMemoryBudget(ROOM_FOR_SMALL)]
  const places = new WeakMap<FastifyRequest, Place>()
  const waited = new WeakSet<Socket>()

  return {
    begin(requestId, request, response) {
      const { socket } = request.raw
      // A closed connection emits no second 'close'. A body that was complete before is read all the same.
      if (socket.destroyed && !request.raw.complete) return false
      const bytes = mostBytesOf(request, bodyLimit)
      // Fastify refuses this body unread, so it needs no room.
      if (bytes > bodyLimit) return true
      const cameAt = performance.now()
      waited.add(socket)
      const take = (leave: FreeMemory) => {
        const place: Place = { cameAt, leave, isWorkedOn: false }
        places.set(request, place)
        holdUntilClosed(place, request, response, () => waited.delete(socket))
        return true
      }
      const room = bytes > LARGE_BYTES ? large : small
      const leave = room.enterNow(requestId, bytes)
      if (leave !== null) return take(leave)
      return enter(room, requestId, bytes, response).then((later) => later !== null && take(later))
    },

    work(request) {
      const place = places.get(request)
      if (place === undefined) return () => {}
      place.isWorkedOn = true
      return place.leave
    },

    cameAt: (request) => places.get(request)?.cameAt,
    hasWaited: (socket) => waited.has(socket)
  }
}

/** Limits the time of a body, and frees its place where the connection closes before the work on it has begun. */
function holdUntilClosed(
  place: Place,
  request: FastifyRequest,
  response: ServerResponse,
  forget: () => void
): void {
  const timer = request.raw.complete ? undefined : limitTime(request, forget)
  response.once('close', () => {
    clearTimeout(timer)
    forget()
    if (!place.isWorkedOn) place.leave()
  })
}

/** Waits for room; null where the connection closed before there was room and before the body was complete. */
async function enter(
  room: MemoryBudget,
  requestId: string,
  bytes: number,
  response: ServerResponse
) {
  const gone = new AbortController()
  const onGone = () => {
    if (!response.req.complete) gone.abort()
  }
  response.once('close', onGone)
  const leave = await room.enter(requestId, bytes, gone.signal)
  response.off('close', onGone)
  return leave
}

/** Ends a slow request as Node does, but counts its time from the admission of its body. */
function limitTime({ raw, server }: FastifyRequest, passed: () => void) {
  const http = server.server
  if (http.requestTimeout === 0) return undefined
  return setTimeout(() => {
    passed()
    if (raw.complete) return
    const tooSlow = Object.assign(new Error('Request timeout'), {
      code: 'ERR_HTTP_REQUEST_TIMEOUT'
    })
    http.emit('clientError', tooSlow, raw.socket)
  }, http.requestTimeout)
}

/** A chunked body, or one that ends with its connection, announces no size, so the limit is assumed. */
function mostBytesOf({ headers, raw }: FastifyRequest, bodyLimit: number): number {
  const length = headers['content-length']
  if (length !== undefined) return Number(length)
  const isFramed = raw.httpVersion !== '1.0' && headers['transfer-encoding'] === undefined
  return isFramed ? 0 : bodyLimit
}
