import type { Scope } from '../config/secrets.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a caller's token needs. The default is `admin`. */
    scope?: Scope
  }
}

const RANKS: Readonly<Record<Scope, number>> = { read: 0, write: 1, admin: 2 }

export function scopeOf({ scope = 'admin' }: { readonly scope?: Scope }): Scope {
  return scope
}

/** True where the given scope includes the needed one. Each scope includes the scopes before it. */
export function isWithin(needed: Scope, given: Scope): boolean {
  return RANKS[given] >= RANKS[needed]
}
