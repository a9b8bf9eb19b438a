import type { FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { LARGE_BYTES } from '../schemas/large.ts'
import { createMemoryBudget, type FreeMemory, type MemoryBudget } from './memory-budget.ts'

/** What the bodies in hand may have in all. Large ones have room of their own, so that small ones never wait for them. */
const ROOM_FOR_LARGE = { bytes: 32 * 1024 * 1024, bytesOfRequest: 16 * 1024 * 1024 }
const ROOM_FOR_SMALL = { bytes: 16 * 1024 * 1024, bytesOfRequest: 4 * 1024 * 1024 }

/** The bodies that are being read or worked on. Before one byte of another is read, there is room for all it may have. */
export interface BodyReading {
  /** Resolves once there is room; false where the connection has gone meanwhile. */
  begin(requestId: string, request: FastifyRequest, response: ServerResponse): Promise<boolean>
  /** Does something with a body that was read; the room is given back when it is done. */
  finish<T>(request: FastifyRequest, task: () => Promise<T>): Promise<T>
  /** Since when the body of a request could have been read, by `performance.now()`; undefined where it has not begun. */
  cameAt(request: FastifyRequest): number | undefined
  /** Whether a connection has waited, so that the time for its request counts from when it was let in. */
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

  const roomFor = (bytes: number) => (bytes > LARGE_BYTES ? large : small)

  return {
    async begin(requestId, request, response) {
      const { socket } = request.raw
      // A connection that has gone meanwhile would never say so again. What came whole before that is read all the same.
      if (socket.destroyed && !request.raw.complete) return false
      const bytes = mostBytesOf(request, bodyLimit)
      // It is refused unread.
      if (bytes > bodyLimit) return true
      const cameAt = performance.now()
      waited.add(socket)
      const leave = await enter(roomFor(bytes), requestId, bytes, response)
      if (leave === null) return false
      const place: Place = { cameAt, leave, isWorkedOn: false }
      places.set(request, place)
      const timer = request.raw.complete
        ? undefined
        : limitTime(request, () => waited.delete(socket))
      response.once('close', () => {
        clearTimeout(timer)
        waited.delete(socket)
        if (!place.isWorkedOn) leave()
      })
      return true
    },

    async finish(request, task) {
      const place = places.get(request)
      if (place !== undefined) place.isWorkedOn = true
      try {
        return await task()
      } finally {
        place?.leave()
      }
    },

    cameAt: (request) => places.get(request)?.cameAt,
    hasWaited: (socket) => waited.has(socket)
  }
}

/** Null where the connection has gone before there was room, and before the body was whole. */
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

/** Does what Node does where a request is too slow, but counts from when it may be read. */
function limitTime({ raw, server }: FastifyRequest, passed: () => void) {
  const http = server.server
  if (http.requestTimeout === 0) return undefined
  const tooSlow = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  return setTimeout(() => {
    passed()
    if (!raw.complete) http.emit('clientError', tooSlow, raw.socket)
  }, http.requestTimeout)
}

/** A body that comes in chunks, or up to the end of its connection, may be of any size. */
function mostBytesOf({ headers, raw }: FastifyRequest, bodyLimit: number): number {
  const length = headers['content-length']
  if (length !== undefined) return Number(length)
  const isFramed = raw.httpVersion !== '1.0' && headers['transfer-encoding'] === undefined
  return isFramed ? 0 : bodyLimit
}
