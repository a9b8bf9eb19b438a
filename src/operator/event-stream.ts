import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** A comment that keeps proxies from closing a connection on which nothing happens. */
const COMMENT_EVERY_MS = 15_000
/** A client that reads nothing loses its connection before it fills the memory. */
const MOST_UNREAD_BYTES = 1024 * 1024

/** Turns an answer into a stream of server-sent events. `ended` is called once, when the client or the listener ends it. */
export type OpenStream = (
  request: FastifyRequest,
  reply: FastifyReply,
  first: string,
  ended: () => void
) => void

/** Makes what opens the streams of a server. They end before the server waits for its connections. */
export function createEventStreams(app: FastifyInstance): OpenStream {
  const open = new Set<ServerResponse>()
  app.addHook('preClose', async () => {
    for (const response of open) response.end()
  })
  return (request, reply, first, ended) => {
    const { raw } = reply
    const timer = setInterval(() => raw.write(': nothing new\n\n'), COMMENT_EVERY_MS)
    open.add(raw)
    // The listener lets a client close its side and still answers. Nobody reads these answers then.
    request.raw.socket.once('end', () => raw.destroy())
    raw.once('close', () => {
      clearInterval(timer)
      open.delete(raw)
      ended()
    })
    reply.hijack()
    const headers = { ...reply.getHeaders(), 'content-type': 'text/event-stream' }
    // Buffering proxies would hold the events back.
    raw.writeHead(200, { ...headers, 'x-accel-buffering': 'no' } as Record<string, string>)
    raw.write(first)
  }
}

/** Writes events to an open stream. */
export function writeEvents({ raw }: FastifyReply, text: string): void {
  raw.write(text)
  if (raw.writableLength > MOST_UNREAD_BYTES) raw.destroy()
}
