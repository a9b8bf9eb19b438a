import type { Config } from '../config.ts'

const SHORTEST_TOKEN = 16
const LOOPBACK = /^(?:localhost|::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/i

/** What is allowed and yet unwise about the operator API, to be said aloud once at the start; no value of a secret. */
export function concernsOf({
  apiTokens,
  adminListener,
  trustedProxies
}: Pick<Config, 'apiTokens' | 'adminListener' | 'trustedProxies'>): string[] {
  const short = apiTokens.filter(({ token }) => token.length < SHORTEST_TOKEN)
  const concerns = short.map(
    ({ name }) =>
      `the token '${name}' of API_TOKENS has fewer than ${SHORTEST_TOKEN} characters: make it longer`
  )
  if (!LOOPBACK.test(adminListener.host) && trustedProxies.length === 0) {
    concerns.push(
      'operator listener open to other machines without TLS: set ADMIN_HOST=127.0.0.1, or put a proxy with TLS in front and name it in TRUST_PROXY'
    )
  }
  return concerns
}
