import type { FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'

/** Bodies above this many bytes are large: they are read and worked on a few at a time. */
export const LARGE_BYTES = 512 * 1024
const MOST_OF_ONE_REQUEST = 3

/** The large bodies that are being read, of each request: whoever begins ever more of them fills the memory. */
export interface Reading {
  /** False where a request has enough of them; else it counts until the answer is out or the connection gone. */
  begin(requestId: string, request: FastifyRequest, response: ServerResponse): boolean
}

export function countReading(): Reading {
  const counts = new Map<string, number>()
  const add = (requestId: string, more: number) => {
    const count = (counts.get(requestId) ?? 0) + more
    if (count === 0) counts.delete(requestId)
    else counts.set(requestId, count)
  }
  return {
    begin(requestId, request, response) {
      // A connection that has gone meanwhile would never say so again.
      if (!mayBeLarge(request) || request.raw.socket.destroyed) return true
      if ((counts.get(requestId) ?? 0) >= MOST_OF_ONE_REQUEST) return false
      add(requestId, 1)
      response.once('close', () => add(requestId, -1))
      return true
    }
  }
}

/** A body that comes in chunks may be of any size. */
function mayBeLarge({ headers }: FastifyRequest): boolean {
  return (
    headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > LARGE_BYTES
  )
}
