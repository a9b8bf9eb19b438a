import type { FastifyHelmetOptions } from '@fastify/helmet'
import type { FastifyReply } from 'fastify'

/**
 * What every listener of ours bounds. `requestTimeout` ends a slow body only because it is checked
 * every second and `headersTimeout` is lower: by default neither fires.
 */
export const HTTP_LIMITS = {
  logger: false,
  requestTimeout: 30_000,
  keepAliveTimeout: 72_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 16_384 }
} as const

/** Helmet for an API: nothing may be loaded, framed, stored or told on. */
export const HELMET: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }
  },
  referrerPolicy: { policy: 'no-referrer' }
}

/** The one answer of the public listener to whatever it does not serve, with the body unread. */
export function turnAway(reply: FastifyReply): FastifyReply {
  return reply.code(404).header('connection', 'close').send({ status: 'not-found' })
}
