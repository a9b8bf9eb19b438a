import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiToken } from '../config/secrets.ts'
import { sendProblem } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the token that the caller showed. */
    caller: string
  }
}

/** A hook that lets in who shows one of the tokens, compared as hashes and all of them, in constant time. */
export function requireToken(tokens: readonly ApiToken[]) {
  const hashed = tokens.map(({ name, token }) => ({ name, hash: hash(token) }))
  return async (
    request: FastifyRequest,
    reply: FastifyReply
  ): Promise<FastifyReply | undefined> => {
    const shown = hash(
      /^Bearer (?<token>\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    )
    const found = hashed.filter(({ hash: known }) => timingSafeEqual(known, shown))[0]
    if (found === undefined) {
      return sendProblem(
        reply.header('www-authenticate', 'Bearer'),
        401,
        'show a bearer token of API_TOKENS'
      )
    }
    request.caller = found.name
    return undefined
  }
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
