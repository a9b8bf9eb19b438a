import type { SwaggerTransform } from '@fastify/swagger'
import type { RouteOptions } from 'fastify'
import type { ProblemCode } from '../problem.ts'
import { scopeOf } from '../scopes.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The problems of this route alone, for OpenAPI. Those of every route are known. */
    problems?: readonly ProblemCode[]
  }
}

/** What a route tells about itself beyond OpenAPI. `completeDocument` replaces it. */
export interface Hints {
  readonly 'x-problems': readonly ProblemCode[]
  readonly 'x-body-may-be-absent': boolean
}

/** Adds the scope that a route needs, and its problems, to its OpenAPI entry. `security: []` means no token. */
export const describeRoute: SwaggerTransform = ({ schema: given, url, route }) => {
  const { description, ...schema } = given ?? {}
  const { problems = [], bodyMayBeAbsent = false } = route.config ?? {}
  const isOpen = schema.security?.length === 0
  const scope = scopeOf(route.config ?? {})
  const needs = isOpen ? 'Needs no token.' : `Needs the scope \`${scope}\`.`
  const described = {
    ...schema,
    description: [...(description === undefined ? [] : [description]), needs].join(' '),
    security: isOpen ? [] : [{ bearer: [scope] }],
    'x-problems': [...commonProblems(isOpen, route), ...problems],
    'x-body-may-be-absent': bodyMayBeAbsent
  } satisfies Hints & { security: unknown; description: string }
  return { schema: described, url }
}

/** The problems of any call: the HTTP request itself is at fault. */
const ANY: readonly ProblemCode[] = [
  'malformed-request',
  'request-too-slow',
  'path-too-long',
  'too-many-headers',
  'http-version-not-supported'
]
const BEHIND_TOKEN: readonly ProblemCode[] = [
  'unknown-token',
  'scope-too-narrow',
  'too-many-calls',
  'unavailable'
]
const WITH_BODY: readonly ProblemCode[] = [
  'invalid-json',
  'body-too-large',
  'content-type-not-supported',
  'invalid-input'
]

function commonProblems(isOpen: boolean, { url, schema = {} }: RouteOptions): ProblemCode[] {
  const { body, querystring } = schema
  return [
    ...ANY,
    ...(isOpen ? [] : BEHIND_TOKEN),
    ...(url.includes(':') ? (['malformed-path'] as const) : []),
    ...(body === undefined ? [] : WITH_BODY),
    ...(querystring === undefined || body !== undefined ? [] : (['invalid-input'] as const))
  ]
}
