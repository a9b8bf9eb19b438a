import swagger, { type SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { schemas } from '../../schemas/validate.ts'
import { CALLBACK_WEBHOOK } from './callback-webhook.ts'
import { completeDocument, type Document } from './complete-document.ts'
import { describeRoute } from './describe-route.ts'

const TAGS = [
  { name: 'requests', description: 'Ask Khipu, look, find, count, change.' },
  { name: 'notifications', description: 'Release parked requests whose cause is gone.' },
  { name: 'operations', description: 'One action on everything that matches.' },
  { name: 'quarantine', description: 'Callback bodies that could not be accepted.' },
  { name: 'audit', description: 'Who changed or saw what.' },
  { name: 'service', description: 'Health, metrics and this document.' },
  { name: 'callbacks', description: 'What Khipu calls, on the public listener.' }
]

const INFO = {
  title: 'Khipu receiver: operator API',
  version: '1',
  description:
    'Errors are RFC 9457 problem documents. The `code` of one never changes its meaning.',
  license: { name: 'MIT', identifier: 'MIT' }
}

/** Makes `app.swagger()`, the OpenAPI document of all routes that are registered after this call. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  for (const schema of schemas.values()) app.addSchema(schema)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: INFO,
      servers: [{ url: '/' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A token of API_TOKENS.' }
        }
      },
      security: [{ bearer: [] }],
      webhooks: { callback: CALLBACK_WEBHOOK }
    },
    transform: describeRoute,
    transformObject: (described) =>
      'openapiObject' in described
        ? (completeDocument(described.openapiObject as Document) as Described)
        : described.swaggerObject,
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, i) =>
        typeof json['title'] === 'string' ? json['title'] : `def-${i}`
    }
  })
}

type Described = ReturnType<SwaggerTransformObject>

/** `GET /openapi.json`. The document is built at the first call. */
export function documentRoute(app: FastifyInstance): void {
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'getOpenApi',
        summary: 'Describe the API',
        tags: ['service'],
        security: [],
        response: { 200: { type: 'object', description: 'This document' } }
      }
    },
    () => app.swagger()
  )
}
