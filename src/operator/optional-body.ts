import type { SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyRequest, RouteOptions } from 'fastify'

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

/** Marks in OpenAPI which bodies are optional. The Swagger plugin marks every body with a schema as required. */
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
