import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Counts an answered call by its route and its HTTP status, with its duration in ms. */
export type CountCall = (route: string, status: number, tookMs: number) => void

/** Has each call of a listener counted once its answer is sent. */
export function countCalls(app: FastifyInstance, answered: CountCall): void {
  app.addHook('onResponse', (request, reply, done) => {
    answered(routeOf(request), reply.statusCode, reply.elapsedTime)
    done()
  })
}

/** The route as it is declared, so that no id becomes a label; `none` for a path without a route. */
function routeOf({ is404, method, routeOptions: { url } }: FastifyRequest): string {
  return is404 || url === undefined ? 'none' : `${method} ${url}`
}
