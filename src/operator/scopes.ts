import type { RouteOptions } from 'fastify'
import type { Scope } from '../config/secrets.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller's token must be good for; where a route does not say, `admin`. */
    scope?: Scope
  }
}

const RANKS: Readonly<Record<Scope, number>> = { read: 0, write: 1, admin: 2 }

export function scopeOf({ scope = 'admin' }: { readonly scope?: Scope }): Scope {
  return scope
}

/** Each scope holds those before it. */
export function isWithin(needed: Scope, given: Scope): boolean {
  return RANKS[given] >= RANKS[needed]
}

/** Has a route's OpenAPI entry say which scope it needs. */
export function describeScope(route: RouteOptions): void {
  const scope = scopeOf(route.config ?? {})
  const security = [{ bearer: [scope] }]
  route.schema = { ...route.schema, description: `Needs the scope \`${scope}\`.`, security }
}
