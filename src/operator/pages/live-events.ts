import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { ScreenDeps } from './pages-deps.ts'

const AT_MOST_EVERY_MS = 1_000
const COMMENT_EVERY_MS = 15_000

/** `/events`: says `changed` to a page when a request has changed, at most once a second. The page then asks anew. */
export async function liveEvents(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  const open = new Set<ServerResponse>()
  app.addHook('preClose', async () => {
    for (const response of open) response.end()
  })
  const options = { exposeHeadRoute: false, config: { scope: 'read' } } as const
  app.get('/events', options, async (request, reply) => {
    const { raw } = reply
    const say = once(() => raw.write('event: changed\ndata: {}\n\n'))
    const stop = api.events?.feed.listen(await api.events.feed.end(), say.changed) ?? null
    // No content tells the browser not to ask again. The page then looks by itself from time to time.
    if (stop === null) return reply.code(204).send()
    const timer = setInterval(() => raw.write(': nothing new\n\n'), COMMENT_EVERY_MS)
    open.add(raw)
    request.raw.socket.once('end', () => raw.destroy())
    raw.once('close', () => {
      clearInterval(timer)
      say.end()
      open.delete(raw)
      stop()
    })
    reply.hijack()
    const headers = { ...reply.getHeaders(), 'content-type': 'text/event-stream' }
    // Buffering proxies would hold the events back.
    raw.writeHead(200, { ...headers, 'x-accel-buffering': 'no' } as Record<string, string>)
    raw.write(': listening\n\n')
    return reply
  })
}

/** Passes the first of several changes on at once, and the others together a second later. */
function once(say: () => void) {
  let timer: NodeJS.Timeout | undefined
  let isMissed = false
  const changed = () => {
    if (timer !== undefined) {
      isMissed = true
      return
    }
    say()
    timer = setTimeout(() => {
      timer = undefined
      if (!isMissed) return
      isMissed = false
      changed()
    }, AT_MOST_EVERY_MS)
  }
  return { changed, end: () => clearTimeout(timer) }
}
