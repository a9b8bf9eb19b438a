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

/** The environment with these names in upper case: the lower case is as usual, and counts first, as with curl. */
export function withProxyNames(env: Readonly<Record<string, string | undefined>>) {
  const given = NAMES.flatMap((name) => {
    const value = env[name.toLowerCase()]
    return value === undefined || value.trim() === '' ? [] : [[name, value] as const]
  })
  return { ...env, ...Object.fromEntries(given) }
}

/** Takes them out of the environment in lower case: they may hold a password. */
export function forgetLowerCase(env: Record<string, string | undefined>): void {
  for (const name of ['https_proxy', 'http_proxy']) delete env[name]
}

/** What the calls to Khipu go through; null where they go through nothing. Each address that is none is reported. */
export function readProxy(raw: Partial<RawSettings>, fault: ReportViolation): Proxy | null {
  const byScheme = new Map([
    ['https:', parseProxy('HTTPS_PROXY', raw.HTTPS_PROXY, fault)],
    ['http:', parseProxy('HTTP_PROXY', raw.HTTP_PROXY, fault)]
  ])
  const { KHIPU_BASE_URL = '', NO_PROXY = '' } = raw
  if (!URL.canParse(KHIPU_BASE_URL)) return null
  const url = new URL(KHIPU_BASE_URL)
  return isExempt(url, NO_PROXY) ? null : (byScheme.get(url.protocol) ?? null)
}

/** `proxy:3128`, as curl takes it. */
const WITHOUT_SCHEME = /^[^/]+:\d+\/?$/
const ADDRESS = /^https?:\/\/[^/]/i

function parseProxy(
  name: 'HTTPS_PROXY' | 'HTTP_PROXY',
  text: string | undefined,
  fault: ReportViolation
): Proxy | null {
  if (text === undefined) return null
  const address = WITHOUT_SCHEME.test(text) ? `http://${text}` : text
  if (!URL.canParse(address) || !ADDRESS.test(address)) {
    fault(name, 'must be the http:// or https:// address of a proxy')
    return null
  }
  const url = new URL(address)
  try {
    return { origin: new URL(url.origin), authorization: authorizationOf(url) }
  } catch {
    fault(name, 'must have a user and a password that are percent-encoded')
    return null
  }
}

/** Throws where a `%` begins no escape. */
function authorizationOf({ username, password }: URL): string | null {
  if (username === '' && password === '') return null
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}
