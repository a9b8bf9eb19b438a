import type { Proxy } from '../config/proxy.ts'
import type { Answer } from '../core/answer.ts'
import { classify as classifyHere, type Classify, type Defect } from './classify-answer.ts'
import { connect, TunnelRefused } from './open-connection.ts'
import { ACCEPT_ENCODING, decodeBody } from './decode-body.ts'
import { errorCodeOf } from './error-code.ts'
import { exchange, type Incoming, type Outgoing } from './exchange.ts'

/** The authorization: a JWT of a bank user, or an API key. Khipu accepts one of the two, never both. */
export type Authorization = { readonly jwt: string } | { readonly apiKey: string }

/** One POST to Khipu. */
export interface KhipuRequest {
  /** `cl/banking/personal/btgpactual.cl/transactions` */
  readonly service: string
  /** Passed on unchanged. */
  readonly requestData: unknown
  readonly callbackUrl: string
  readonly authorization: Authorization
}

export interface KhipuClient {
  /** Sends once. Never throws for errors of the network or of Khipu: they are answers, too. */
  send(request: KhipuRequest): Promise<Answer>
  close(): Promise<void>
}

export interface KhipuSettings {
  readonly baseUrl: string
  /** Maximum duration of one POST, in ms. Khipu's own gateway gives up after 180 s. */
  readonly requestTimeoutMs: number
  /** The proxy for connections; null (the default) for none. */
  readonly proxy?: Proxy | null
  /** By default answers are classified at once, on the calling thread. */
  readonly classify?: Classify
}

const CONNECT_TIMEOUT_MS = 10_000
/** Maximum size of an answer, as received and after decoding. */
const MOST_ANSWER_BYTES = 20 * 1024 * 1024

/**
 * A client for Khipu's API only: no redirects, no retries, certificates verified. Each POST has its own connection. A
 * reused connection can break while the server closes it. Then nobody knows whether Khipu accepted the paid request.
 */
export function createKhipuClient(settings: KhipuSettings): KhipuClient {
  const closing = new AbortController()
  return {
    close: async () => closing.abort(),
    send: (khipuRequest) => send(settings, khipuRequest, closing.signal)
  }
}

async function send(
  { baseUrl, requestTimeoutMs, proxy = null, classify = classifyHere }: KhipuSettings,
  { service, requestData, callbackUrl, authorization }: KhipuRequest,
  closing: AbortSignal
): Promise<Answer> {
  const url = new URL(`${baseUrl}/v1/${service}`)
  const body = Buffer.from(JSON.stringify({ RequestData: requestData, CallbackUrl: callbackUrl }))
  const path = url.pathname + url.search
  const outgoing = { path, headers: headersOf(url, body, authorization), body }
  const ends = AbortSignal.any([closing, AbortSignal.timeout(requestTimeoutMs)])
  const connected = AbortSignal.any([ends, AbortSignal.timeout(CONNECT_TIMEOUT_MS)])
  try {
    const socket = await connect(url, proxy, connected)
    return await post(() => exchange(socket, outgoing, MOST_ANSWER_BYTES, ends), classify)
  } catch (error) {
    const detail = error instanceof TunnelRefused ? `HTTP ${error.status}` : errorCodeOf(error)
    return { type: 'temporary', httpStatus: null, retryAfterMs: null, detail }
  }
}

/** From here on Khipu may have the request, whatever error follows. */
async function post(exchanged: () => Promise<Incoming>, classify: Classify): Promise<Answer> {
  try {
    return await read(await exchanged(), classify)
  } catch (error) {
    return { type: 'ambiguous', detail: errorCodeOf(error) }
  }
}

async function read(
  { contentEncoding, cut, ...incoming }: Incoming,
  classify: Classify
): Promise<Answer> {
  if (cut !== null) return classify({ ...incoming, defect: cutShort(cut) }, Date.now())
  const body = await decodeBody(incoming.body, contentEncoding, MOST_ANSWER_BYTES)
  const decoded = body === null ? { ...incoming, defect: UNDECODABLE } : { ...incoming, body }
  return classify(decoded, Date.now())
}

const UNDECODABLE: Defect = { rule: 'content-encoding', message: 'could not be decoded' }

function cutShort(code: string): Defect {
  return { rule: 'cut', message: 'was cut short', code }
}

function headersOf({ host }: URL, body: Buffer, authorization: Authorization): Outgoing['headers'] {
  return {
    host,
    ...authorizationHeader(authorization),
    'content-type': 'application/json',
    'content-length': String(body.length),
    accept: 'application/json',
    'accept-encoding': ACCEPT_ENCODING
  }
}

function authorizationHeader(authorization: Authorization): Record<string, string> {
  return 'jwt' in authorization
    ? { authorization: `Bearer ${authorization.jwt}` }
    : { 'x-api-key': authorization.apiKey }
}
