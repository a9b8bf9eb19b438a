import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { type ListenerSettings, serverOptions } from '../../http/build-server.ts'
import { HEADERS } from '../../http/headers.ts'
import { METRICS_SCHEMA } from '../openapi/health-schemas.ts'
import { protocolError, rawProblems, sendProblem } from '../problem.ts'

/** The metrics in Prometheus's text format. */
export type RenderMetrics = () => Promise<{ readonly contentType: string; readonly text: string }>

export interface MetricsListenerDeps {
  readonly metrics: RenderMetrics
  /** Counts a connection that was dropped because the listener was at MAX_CONNECTIONS. */
  readonly dropped: () => void
}

/** Declares `GET /metrics`. It needs no token, because metrics reveal nothing about any person. */
export function metricsRoute(app: FastifyInstance, metrics: RenderMetrics): void {
  const config = { problems: ['unavailable'] as const }
  app.get('/metrics', { config, schema: METRICS_SCHEMA }, async (_request, reply) => {
    const { contentType, text } = await metrics()
    return reply.type(contentType).send(text)
  })
}

/** Builds the listener of METRICS_PORT: `GET /metrics`, and the same 404 for everything else. */
export async function buildMetricsListener(
  { metrics, dropped }: MetricsListenerDeps,
  settings: ListenerSettings
): Promise<FastifyInstance> {
  const unknown = (reply: FastifyReply) =>
    sendProblem(
      reply.headers(HEADERS).header('connection', 'close'),
      'unknown-route',
      'there is no such route'
    )
  const app = Fastify({
    ...serverOptions(settings, rawProblems(dropped)),
    frameworkErrors: (_error, _request, reply: FastifyReply) => void unknown(reply)
  })
  // An unknown route is answered before its body is read.
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(HEADERS)
    return request.is404 ? unknown(reply) : undefined
  })
  app.setErrorHandler(({ statusCode = 500 }: FastifyError, _request, reply) =>
    sendProblem(
      reply,
      statusCode < 500 ? protocolError(statusCode) : 'unavailable',
      'the metrics could not be given'
    )
  )
  metricsRoute(app, metrics)
  return app
}
