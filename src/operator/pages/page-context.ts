import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Language, Text } from '../../core/explain/texts.ts'
import { isWithin } from '../scopes.ts'
import type { Scope } from '../../config/secrets.ts'
import { languageOf } from '../routes/explain-route.ts'
import type { Session } from './log-in/session.ts'

declare module 'fastify' {
  interface FastifyRequest {
    session: Session
  }
  interface FastifyContextConfig {
    /** A page that needs no session. */
    isOpen?: boolean
  }
}

/** What every part of a page is made with. */
export interface PageContext {
  readonly language: Language
  readonly say: (text: Text) => string
  /** Ms since 1970. */
  readonly now: number
  readonly session: Session
  readonly may: (scope: Scope) => boolean
  /** For the hidden field of a form; empty without a session. */
  readonly csrf: string
  /** The path of the page with its query. */
  readonly url: string
  /** Scheme and host as the browser sees them. */
  readonly origin: string
}

export const LANGUAGE_COOKIE = 'khipu_language'

export function contextOf(request: FastifyRequest, reply: FastifyReply): PageContext {
  const { session, headers, cookies, url, protocol, host } = request
  const language = languageOf(cookies[LANGUAGE_COOKIE] ?? headers['accept-language'])
  const { token, nonce } = session
  return {
    language,
    say: (text) => text[language],
    now: Date.now(),
    session,
    may: (scope) => token !== null && isWithin(scope, token.scope),
    csrf: nonce === '' ? '' : reply.generateCsrf(),
    url,
    origin: `${protocol}://${host}`
  }
}

/** The one value of a query or of a form; undefined where it is missing, empty or repeated. */
export function valueOf(values: unknown, name: string): string | undefined {
  const value = new Map(Object.entries(values ?? {})).get(name) as unknown
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** All values of a query or of a form by that name. */
export function valuesOf(values: unknown, name: string): readonly string[] {
  const value = new Map(Object.entries(values ?? {})).get(name) as unknown
  return [value].flat().filter((one) => typeof one === 'string' && one !== '') as string[]
}

/** A path of this host to go on to; the overview for anything else. */
export function localPath(path: string | undefined): string {
  return path !== undefined && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path) ? path : '/'
}
