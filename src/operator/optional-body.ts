import type { FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A call without a body has the same effect as one with `{}`. */
    bodyMayBeAbsent?: boolean
  }
}

/** Sets the body to `{}` where a call has none and its route allows that. */
export async function fillAbsentBody(request: FastifyRequest): Promise<void> {
  if (request.routeOptions.config.bodyMayBeAbsent) request.body ??= {}
}
