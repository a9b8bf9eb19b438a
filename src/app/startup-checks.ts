import type { Config } from '../config/read-config.ts'

const SHORTEST_TOKEN = 16
const LOOPBACK = /^(?:localhost|::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/i

type Concerning = Pick<
  Config,
  'apiTokens' | 'adminListener' | 'trustedProxies' | 'publicUrl' | 'khipuBaseUrl'
>

/** Warnings about valid but unsafe settings, logged once at the start. They contain no secret. */
export function startupWarnings({
  apiTokens,
  adminListener,
  trustedProxies,
  publicUrl,
  khipuBaseUrl
}: Concerning): string[] {
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
  for (const [name, url] of [
    ['PUBLIC_URL', publicUrl],
    ['KHIPU_BASE_URL', khipuBaseUrl]
  ] as const) {
    if (isPlain(url))
      concerns.push(`${name} is http://: secrets travel over the network unencrypted`)
  }
  return concerns
}

/** True for an address of another machine without TLS. */
function isPlain(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !LOOPBACK.test(hostname.replace(/^\[|\]$/g, ''))
}
