import type { ReportViolation } from './violation.ts'
import { isExempt } from './no-proxy.ts'
import type { RawSettings } from './settings.ts'

/** A forward proxy on the way to Khipu. */
export interface Proxy {
  /** Scheme, host and port; no user, no password. */
  readonly origin: URL
  /** The value of Proxy-Authorization; null where the proxy asks for none. */
  readonly authorization: string | null
}

const NAMES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'] as const

/** Copies lower-case proxy variables to their upper-case names. As with curl, lower case wins where both are set. */
export function withProxyNames(env: Readonly<Record<string, string | undefined>>) {
  const given = NAMES.flatMap((name) => {
    const value = env[name.toLowerCase()]
    return value === undefined || value.trim() === '' ? [] : [[name, value] as const]
  })
  return { ...env, ...Object.fromEntries(given) }
}

/** Deletes the lower-case proxy variables from the environment, because they may contain a password. */
export function forgetLowerCase(env: Record<string, string | undefined>): void {
  for (const name of ['https_proxy', 'http_proxy']) delete env[name]
}

/** The proxy for the calls to Khipu; null where they need none. Reports each invalid address. */
export function readProxy(raw: Partial<RawSettings>, report: ReportViolation): Proxy | null {
  const byScheme = new Map([
    ['https:', parseProxy('HTTPS_PROXY', raw.HTTPS_PROXY, report)],
    ['http:', parseProxy('HTTP_PROXY', raw.HTTP_PROXY, report)]
  ])
  const { KHIPU_BASE_URL = '', NO_PROXY = '' } = raw
  if (!URL.canParse(KHIPU_BASE_URL)) return null
  const url = new URL(KHIPU_BASE_URL)
  return isExempt(url, NO_PROXY) ? null : (byScheme.get(url.protocol) ?? null)
}

/** An address such as `proxy:3128`, which curl accepts as well. */
const WITHOUT_SCHEME = /^[^/]+:\d+\/?$/
const ADDRESS = /^https?:\/\/[^/]/i

function parseProxy(
  name: 'HTTPS_PROXY' | 'HTTP_PROXY',
  text: string | undefined,
  report: ReportViolation
): Proxy | null {
  if (text === undefined) return null
  const address = WITHOUT_SCHEME.test(text) ? `http://${text}` : text
  if (!URL.canParse(address) || !ADDRESS.test(address)) {
    report(name, 'must be the http:// or https:// address of a proxy')
    return null
  }
  const url = new URL(address)
  try {
    return { origin: new URL(url.origin), authorization: authorizationOf(url) }
  } catch {
    report(name, 'must have a user and a password that are percent-encoded')
    return null
  }
}

/** Makes the value of Proxy-Authorization; throws where a `%` begins no valid escape. */
function authorizationOf({ username, password }: URL): string | null {
  if (username === '' && password === '') return null
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}
