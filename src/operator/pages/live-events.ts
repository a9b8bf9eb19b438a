import type { FastifyInstance } from 'fastify'
import { createEventStreams, writeEvents } from '../event-stream.ts'
import type { ScreenDeps } from './pages-deps.ts'

const AT_MOST_EVERY_MS = 1_000

/** `/events`: says `changed` to a page when a request has changed, at most once a second. The page then asks anew. */
export async function liveEvents(app: FastifyInstance, { api }: ScreenDeps): Promise<void> {
  const open = createEventStreams(app)
  const options = { exposeHeadRoute: false, config: { scope: 'read' } } as const
  app.get('/events', options, async (request, reply) => {
    const say = once(() => writeEvents(reply, 'event: changed\ndata: {}\n\n'))
    const stop = api.events?.feed.listen(await api.events.feed.end(), say.changed) ?? null
    // No content tells the browser not to ask again. The page then looks by itself from time to time.
    if (stop === null) return reply.code(204).send()
    open(request, reply, ': listening\n\n', () => {
      say.end()
      stop()
    })
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
