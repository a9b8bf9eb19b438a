import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { ApiToken, Scope } from '../config/secrets.ts'
import { sendProblem } from './problem.ts'
import { isWithin, scopeOf } from './scopes.ts'
import type { RefusalLimiter } from '../http/rate-limit.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the caller's token. */
    caller: string
    /** The scope of the caller's token. */
    scope: Scope
  }
}

/** The reason why a call was refused, for the metric and the log. */
export type AuthFailure = 'no-token' | 'unknown-token' | 'scope' | 'too-many'

export interface AuthDeps {
  readonly tokens: readonly ApiToken[]
  readonly refusals: RefusalLimiter
  readonly unauthorized: (why: AuthFailure) => void
  readonly log: Logger
}

/**
 * Makes a hook that admits calls with a token whose scope suffices for the route. It compares the hashes of all tokens
 * in constant time. A valid token is never rate-limited, no matter how many invalid ones came from its address.
 */
export function requireToken(deps: AuthDeps) {
  const find = tokenFinder(deps.tokens)
  return async (
    request: FastifyRequest,
    reply: FastifyReply
  ): Promise<FastifyReply | undefined> => {
    const token = /^Bearer (?<token>\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const found = find(token ?? '')
    if (found === undefined) {
      return refuse(deps, request, reply, token === undefined ? 'no-token' : 'unknown-token')
    }
    const needed = scopeOf(request.routeOptions.config)
    if (!isWithin(needed, found.scope)) return forbid(deps, reply, needed, found)
    request.caller = found.name
    request.scope = found.scope
    return undefined
  }
}

/** A token of API_TOKENS without the token itself. */
export interface KnownToken extends Pick<ApiToken, 'name' | 'scope'> {
  readonly hash: Buffer
}

/** Makes a function that finds the token of API_TOKENS that is shown, in constant time. */
export function tokenFinder(tokens: readonly ApiToken[]) {
  const hashed = hashTokens(tokens)
  return (token: string): KnownToken | undefined => {
    const shown = hash(token)
    return hashed.filter(({ hash: known }) => timingSafeEqual(known, shown))[0]
  }
}

export function hashTokens(tokens: readonly ApiToken[]): readonly KnownToken[] {
  return tokens.map(({ token, name, scope }) => ({ name, scope, hash: hash(token) }))
}

/** Counts a call without a good token. Returns in how many seconds the address may try again; null where it may now. */
export async function countRefusal(
  { refusals, unauthorized }: Pick<AuthDeps, 'refusals' | 'unauthorized'>,
  { ip }: FastifyRequest,
  reason: 'no-token' | 'unknown-token'
): Promise<number | null> {
  const wait = await refusals.refuse(ip, { reason })
  unauthorized(wait === null ? reason : 'too-many')
  return wait
}

async function refuse(
  deps: AuthDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  reason: 'no-token' | 'unknown-token'
): Promise<FastifyReply> {
  const wait = await countRefusal(deps, request, reason)
  void reply.header('connection', 'close')
  if (wait !== null) {
    return sendProblem(
      reply.header('retry-after', String(wait)),
      'too-many-calls',
      'too many calls without a good token'
    )
  }
  const challenged = reply.header('www-authenticate', 'Bearer')
  return sendProblem(challenged, 'unknown-token', 'show a bearer token of API_TOKENS')
}

function forbid(
  { unauthorized, log }: AuthDeps,
  reply: FastifyReply,
  needed: Scope,
  { name, scope }: Pick<ApiToken, 'name' | 'scope'>
): FastifyReply {
  unauthorized('scope')
  log.warn({ by: name, scope, needed }, 'operator call beyond the scope of its token refused')
  const detail = `needs a token of the scope '${needed}'; this one has '${scope}'`
  return sendProblem(reply.header('connection', 'close'), 'scope-too-narrow', detail)
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
