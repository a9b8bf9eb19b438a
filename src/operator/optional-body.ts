import type { SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyRequest, RouteOptions } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A call without a body counts as one with `{}`. */
    bodyMayBeAbsent?: boolean
  }
}

/** Has a call without a body count as one with `{}`, where its route says so. */
export async function fillAbsentBody(request: FastifyRequest): Promise<void> {
  if (request.routeOptions.config.bodyMayBeAbsent) request.body ??= {}
}

/** Has OpenAPI say which bodies may be absent: the plugin takes every body that has a schema for required. */
export function describeAbsentBodies() {
  const paths = new Set<string>()
  const onRoute = ({ config, url }: RouteOptions) => {
    if (config?.bodyMayBeAbsent) paths.add(url.replaceAll(/:(\w+)/g, '{$1}'))
  }
  const transformObject: SwaggerTransformObject = (document) => {
    if (!('openapiObject' in document)) return document.swaggerObject
    const { openapiObject } = document
    for (const path of paths) {
      const body = openapiObject.paths?.[path]?.post?.requestBody
      if (body !== undefined && 'required' in body) body.required = false
    }
    return openapiObject
  }
  return { onRoute, transformObject }
}
