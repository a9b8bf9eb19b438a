import type { IncomingMessage } from 'node:http'

/** How much of a body has come, and who is told when its connection goes before the rest. */
interface Body {
  bytes: number
  brokenOff: ((bytes: number) => void) | null
}

const bodies = new WeakMap<IncomingMessage, Body>()

/**
 * Keeps a request readable that was received whole, although its connection has gone meanwhile: Node destroys it with
 * whatever of its body nobody has read yet. Call it before any of the body has come.
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

/** Calls back once, with the bytes that came, where the connection goes before the body is whole. */
export function onBrokenOff(request: IncomingMessage, brokenOff: (bytes: number) => void): void {
  const body = bodies.get(request)
  if (body !== undefined) body.brokenOff = brokenOff
}

/** Whether it is told when this body breaks off. */
export function isFollowed(request: IncomingMessage): boolean {
  return typeof bodies.get(request)?.brokenOff === 'function'
}
