import type { IncomingMessage } from 'node:http'

/** The received bytes of a body, and the callback for a connection that closes before the body is complete. */
interface Body {
  bytes: number
  brokenOff: ((bytes: number) => void) | null
}

const bodies = new WeakMap<IncomingMessage, Body>()

/**
 * Keeps a complete request readable after its connection has closed. Without this, Node destroys the request and the
 * unread part of its body. Call this function before any byte of the body has arrived.
 */
export function followBody(request: IncomingMessage): void {
  const body: Body = { bytes: 0, brokenOff: null }
  bodies.set(request, body)
  const push = request.push.bind(request)
  request.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (Buffer.isBuffer(chunk)) body.bytes += chunk.length
    return push(chunk, encoding)
  }
  const destroy = request.destroy.bind(request)
  request.destroy = (error?: Error) => {
    if (request.complete && !request.readableEnded) return request
    if (!request.complete) body.brokenOff?.(body.bytes)
    body.brokenOff = null
    return destroy(error)
  }
}

/** Calls back once, with the number of received bytes, where the connection closes before the body is complete. */
export function onBrokenOff(request: IncomingMessage, brokenOff: (bytes: number) => void): void {
  const body = bodies.get(request)
  if (body !== undefined) body.brokenOff = brokenOff
}

/** True where a callback is registered for an incomplete body of this request. */
export function isFollowed(request: IncomingMessage): boolean {
  return typeof bodies.get(request)?.brokenOff === 'function'
}
