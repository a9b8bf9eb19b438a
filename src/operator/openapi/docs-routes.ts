import helmet from '@fastify/helmet'
import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { HELMET } from '../../http/headers.ts'
import { atFirstUse } from '../at-first-use.ts'
import { sendProblem } from '../problem.ts'

const PREFIX = '/docs'

/** Swagger UI writes styles into its page, and its icons are `data:` URLs. No other host is ever asked. */
const DIRECTIVES = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"]
}

/** `GET /docs`: the OpenAPI document in Swagger UI, to read and to try. Its calls need a token, the page does not. */
export async function docsRoutes(app: FastifyInstance): Promise<void> {
  const handler = atFirstUse(app, () => buildDocs(app.swagger({ yaml: false })))
  for (const path of [PREFIX, `${PREFIX}/*`]) app.get(path, { schema: { hide: true } }, handler)
}

async function buildDocs(document: object): Promise<FastifyInstance> {
  const { default: swaggerUi } = await import('@fastify/swagger-ui')
  const docs = Fastify({ logger: false })
  const contentSecurityPolicy = { useDefaults: false, directives: DIRECTIVES }
  await docs.register(helmet, { ...HELMET, contentSecurityPolicy })
  docs.addHook('onRequest', async (_request, reply) => {
    void reply.header('cache-control', 'no-store')
  })
  const refuse = (_: unknown, reply: FastifyReply) =>
    sendProblem(reply, 'unknown-route', 'there is no such route')
  docs.setNotFoundHandler(refuse)
  // A path that leads out of the folder.
  docs.setErrorHandler((_error, request, reply) => refuse(request, reply))
  await docs.register(swagger, {
    mode: 'static',
    specification: { document: document as StaticDocumentSpec['document'] }
  })
  await docs.register(swaggerUi, {
    routePrefix: PREFIX,
    validatorUrl: false,
    theme: { title: 'Khipu receiver: operator API' },
    // Without the top bar, which offers to load documents of other hosts.
    uiConfig: { layout: 'BaseLayout', deepLinking: true, persistAuthorization: false }
  })
  return docs
}
