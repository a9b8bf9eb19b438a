import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import { Ajv2020 } from 'ajv/dist/2020.js'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import type { ApiToken } from '../config/secrets.ts'
import type { RequestJobs } from '../queue/jobs.ts'
import type { Fault } from '../schemas/generated.ts'
import { faultsOf } from '../schemas/faults.ts'
import { check, type SchemaName, schemas } from '../schemas/validate.ts'
import { requireToken } from './auth.ts'
import { healthRoutes, type HealthDeps } from './health.ts'
import { HELMET, HTTP_LIMITS } from './http.ts'
import { type NotificationsDeps, notificationRoutes } from './notifications.ts'
import { Refusal, sendProblem } from './problem.ts'
import { type QuarantineDeps, quarantineRoutes } from './quarantine.ts'
import { type AskDeps, askRoute } from './ask.ts'
import { requestChangeRoutes } from './request-changes.ts'
import { type RequestsDeps, requestRoutes } from './requests.ts'

/** What the operator API needs; a process that only works has none of it. */
export interface OperatorDeps extends AskDeps, RequestsDeps, NotificationsDeps, QuarantineDeps {
  readonly jobs: RequestJobs
  readonly tokens: readonly ApiToken[]
}

export interface AdminDeps extends HealthDeps {
  readonly operator: OperatorDeps | null
  readonly log: Logger
}

/** The listener for operators: the API behind bearer tokens, health and metrics without. */
export async function buildAdmin(deps: AdminDeps): Promise<FastifyInstance> {
  const app = Fastify({
    ...HTTP_LIMITS,
    frameworkErrors: (_error, _request, reply: FastifyReply) =>
      void sendProblem(reply, 400, 'the path is malformed')
  })
  await app.register(helmet, HELMET)
  app.decorateRequest('caller', '')
  // A call without a body may well say that it would be JSON.
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' && request.routeOptions.schema?.body === undefined
      ? done(null, undefined)
      : parse(request, body.toString(), done)
  )
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, 404, 'there is no such route'))
  app.setErrorHandler((error: FastifyError, _request, reply) => answerError(error, reply, deps.log))
  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'body' ? checkBody(schema as { $ref?: string }) : checkQuery(schema)
  )
  // What the routes answer is what they answer: their schemas describe it, and take nothing away.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  await app.register(healthRoutes, deps)
  if (deps.operator !== null) await app.register(operatorApi, deps.operator)
  return app
}

async function operatorApi(app: FastifyInstance, deps: OperatorDeps): Promise<void> {
  for (const schema of schemas.values()) app.addSchema(schema)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Khipu receiver: operator API', version: '1' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }]
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, i) =>
        typeof json['title'] === 'string' ? json['title'] : `def-${i}`
    }
  })
  app.addHook('onRequest', requireToken(deps.tokens))
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.register(askRoute, { ...deps, prefix: '/v1' })
  await app.register(requestRoutes, { ...deps, prefix: '/v1' })
  await app.register(requestChangeRoutes, { ...deps, prefix: '/v1' })
  await app.register(notificationRoutes, { ...deps, prefix: '/v1' })
  await app.register(quarantineRoutes, { ...deps, prefix: '/v1' })
}

class InvalidInput extends Error {
  override readonly name = 'InvalidInput'
  readonly faults: readonly Fault[]
  constructor(faults: readonly Fault[]) {
    super('the input breaks its schema')
    this.faults = faults
  }
}

function checkBody({ $ref = '' }: { $ref?: string }) {
  const [name] = [...schemas].find(([, { $id }]) => $ref === `${String($id)}#`) ?? []
  return (value: unknown) => {
    const checked = check(name as SchemaName, value, { list: 'all', unknownKeys: 'named' })
    return checked.valid ? { value: checked.value } : { error: new InvalidInput(checked.faults) }
  }
}

// A query is all text: numbers in it have to be read. Bodies are never coerced.
function checkQuery(schema: object) {
  const validate = new Ajv2020({ allErrors: true, coerceTypes: true }).compile(schema)
  return (value: unknown) =>
    validate(value)
      ? { value }
      : { error: new InvalidInput(faultsOf(validate.errors ?? [], 'named')) }
}

function answerError(error: FastifyError, reply: Parameters<typeof sendProblem>[0], log: Logger) {
  const cause = error as unknown
  if (cause instanceof Refusal) return sendProblem(reply, cause.status, cause.message, cause.faults)
  if (cause instanceof InvalidInput) return sendProblem(reply, 422, cause.message, cause.faults)
  const { statusCode = 500 } = error
  if (statusCode === 400) return sendProblem(reply, 400, 'the body is not JSON')
  if (statusCode < 500) return sendProblem(reply, statusCode, error.message)
  log.error({ error: error.name, code: error.code }, 'operator call failed')
  return sendProblem(reply, 503, 'not possible now: the store did not answer')
}
