import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiToken, Scope } from '../../../config/secrets.ts'
import { hashTokens, type KnownToken } from '../../check-operator-token.ts'

/** Who looks at a page. The nonce is the secret of its CSRF tokens. */
export interface Session {
  readonly nonce: string
  /** The token that was shown to log in; null before that. */
  readonly token: { readonly name: string; readonly scope: Scope } | null
}

/** Begins, reads and ends sessions. A session is a signed cookie and nothing else. */
export interface Sessions {
  /** The session of a call. It has no token unless its cookie is good and its token is still in API_TOKENS. */
  read(request: FastifyRequest): Session
  /** Sets the cookie of a new session: of a token, or of nobody yet. */
  begin(request: FastifyRequest, reply: FastifyReply, token: KnownToken | null): Session
  end(request: FastifyRequest, reply: FastifyReply): void
}

const HOURS = 12
const HASH_BYTES = 8

/** What a cookie holds: the token's name, the first bytes of its hash, the end in seconds since 1970, the nonce. */
type Content = readonly [name: string, hash: string, end: number, nonce: string]

export function createSessions(tokens: readonly ApiToken[]): Sessions {
  const known = hashTokens(tokens)
  return {
    read(request) {
      const content = readContent(request)
      if (content === null) return { nonce: '', token: null }
      const [name, hash, , nonce] = content
      const token = known.find((one) => one.name === name && isHashOf(one, hash))
      return { nonce, token: token === undefined ? null : { name, scope: token.scope } }
    },

    begin(request, reply, token) {
      const nonce = randomBytes(18).toString('base64url')
      const end = Math.floor(Date.now() / 1000) + HOURS * 3600
      const hash = token?.hash.subarray(0, HASH_BYTES).toString('base64url') ?? ''
      const content: Content = [token?.name ?? '', hash, end, nonce]
      const text = Buffer.from(JSON.stringify(content)).toString('base64url')
      void reply.setCookie(nameOf(request), text, { ...optionsOf(request), maxAge: HOURS * 3600 })
      return { nonce, token: token && { name: token.name, scope: token.scope } }
    },

    end: (request, reply) => void reply.clearCookie(nameOf(request), optionsOf(request))
  }
}

function readContent(request: FastifyRequest): Content | null {
  const { valid, value } = request.unsignCookie(request.cookies[nameOf(request)] ?? '')
  if (!valid) return null
  const content = JSON.parse(Buffer.from(value, 'base64url').toString()) as Content
  return content[2] * 1000 > Date.now() ? content : null
}

function isHashOf({ hash }: KnownToken, shown: string): boolean {
  const bytes = Buffer.from(shown, 'base64url')
  return bytes.length === HASH_BYTES && timingSafeEqual(bytes, hash.subarray(0, HASH_BYTES))
}

// A browser takes a name with this prefix from this host over https only.
function nameOf({ protocol }: FastifyRequest): string {
  return protocol === 'https' ? '__Host-khipu_session' : 'khipu_session'
}

function optionsOf({ protocol }: FastifyRequest) {
  const secure = protocol === 'https'
  return { path: '/', httpOnly: true, sameSite: 'strict', secure, signed: true } as const
}
