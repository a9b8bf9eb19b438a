import type { IncomingHttpHeaders } from 'node:http'

/** How a call showed who it is. */
export type AuthKind = 'api-key' | 'bearer' | 'none' | 'both'

/** A call as Khipu would read it; what can't be read is null. */
export interface CheckedCall {
  readonly auth: AuthKind
  /** The API key or the JWT itself. */
  readonly credential: string | null
  readonly account: string | null
  readonly requestData: object | null
  readonly callbackUrl: string | null
  /** The status with which Khipu refuses the call, and why; null where it accepts. */
  readonly refusal: {
    readonly status: 400 | 401 | 404
    readonly violations: readonly string[]
  } | null
}

/** Holds a call against the documented rules, in the order: credentials, path, body. */
export function checkCall(path: string, headers: IncomingHttpHeaders, body: Buffer): CheckedCall {
  const identity = identityOf(headers)
  const [, product] = pathPattern.exec(path) ?? []
  const { violations, ...content } = contentOf(body, product)
  const call = { ...identity, ...content }
  if (call.auth === 'none' || call.auth === 'both') {
    return { ...call, refusal: { status: 401, violations: [`credentials: ${call.auth}`] } }
  }
  if (product === undefined)
    return { ...call, refusal: { status: 404, violations: ['no such path'] } }
  return { ...call, refusal: violations.length === 0 ? null : { status: 400, violations } }
}

const pathPattern = new RegExp(
  '^/v1/[a-z]{2}/banking/(?:personal|business|entrepreneur)' +
    '/[a-z0-9-]+(?:\\.[a-z0-9-]+)+/([a-z][a-z-]*(?:/[a-z][a-z-]*)*)$'
)

function identityOf(headers: IncomingHttpHeaders): Pick<CheckedCall, 'auth' | 'credential'> {
  const apiKey = [headers['x-api-key']].flat().join()
  const authorization = headers.authorization ?? ''
  if (apiKey !== '' && authorization !== '') return { auth: 'both', credential: null }
  if (apiKey !== '') return { auth: 'api-key', credential: apiKey }
  const [, jwt] = /^Bearer (\S+)$/i.exec(authorization) ?? []
  if (jwt !== undefined) return { auth: 'bearer', credential: jwt }
  return { auth: 'none', credential: null }
}

interface Content extends Pick<CheckedCall, 'account' | 'requestData' | 'callbackUrl'> {
  readonly violations: readonly string[]
}

function contentOf(bytes: Buffer, product: string | undefined): Content {
  const body = objectIn(parsed(bytes))
  const requestData = objectIn(body?.['RequestData'])
  const account = requestData?.['AccountNumber']
  const callbackUrl = body?.['CallbackUrl']
  return {
    account: typeof account === 'string' ? account : null,
    requestData,
    callbackUrl: typeof callbackUrl === 'string' ? callbackUrl : null,
    violations: [
      ...(body === null ? ['the body is not a JSON object'] : unknownKeys(body)),
      ...(body !== null && requestData === null ? ['RequestData is not an object'] : []),
      ...(requestData === null ? [] : accountViolations(account, product)),
      ...(isText(callbackUrl, 255) ? [] : ['CallbackUrl is not a string of at most 255 characters'])
    ]
  }
}

function unknownKeys(body: object): string[] {
  const known = ['RequestData', 'CallbackUrl']
  return Object.keys(body).some((key) => !known.includes(key))
    ? ['the body has keys besides RequestData and CallbackUrl']
    : []
}

function accountViolations(account: unknown, product: string | undefined): string[] {
  if (account === undefined && product === 'transactions') return ['AccountNumber is missing']
  return isText(account, 20) ? [] : ['AccountNumber is not a string of at most 20 characters']
}

function isText(value: unknown, most: number): boolean {
  return value === undefined || (typeof value === 'string' && value.length <= most)
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}

function objectIn(value: unknown): Record<string, unknown> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return value as Record<string, unknown>
}
