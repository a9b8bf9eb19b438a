import { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import type { Answer } from '../core/answer.ts'
import { classify } from './classify.ts'

/** Who asks: a JWT of a bank user, or an API key. Khipu takes one of the two, never both. */
export type Authorization = { readonly jwt: string } | { readonly apiKey: string }

/** One POST to Khipu. */
export interface KhipuRequest {
  /** `cl/banking/personal/btgpactual.cl/transactions` */
  readonly service: string
  /** Passed on untouched. */
  readonly requestData: unknown
  readonly callbackUrl: string
  readonly authorization: Authorization
}

export interface KhipuClient {
  /** Sends once. Never throws for what the network or Khipu does: that is an answer, too. */
  send(request: KhipuRequest): Promise<Answer>
  close(): Promise<void>
}

export interface KhipuSettings {
  readonly baseUrl: string
  /** The most that one POST may take, in ms. Khipu's own gateway gives up after 180 s. */
  readonly requestTimeoutMs: number
}

const CONNECT_TIMEOUT_MS = 10_000
const MOST_ANSWER_BYTES = 20 * 1024 * 1024

/**
 * A client of Khipu's API alone: no redirects, no retries, certificates verified. Each POST has a
 * connection of its own, for one that is reused can break in the middle of being closed, and then
 * nobody knows whether the paid request was taken.
 */
export function createKhipuClient({ baseUrl, requestTimeoutMs }: KhipuSettings): KhipuClient {
  const dispatcher = new Agent({
    pipelining: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: requestTimeoutMs,
    bodyTimeout: requestTimeoutMs,
    maxResponseSize: MOST_ANSWER_BYTES
  })
  return {
    close: () => dispatcher.destroy(),
    async send(khipuRequest) {
      const wire = onWire(khipuRequest)
      try {
        const response = await request(`${baseUrl}/v1/${khipuRequest.service}`, {
          dispatcher,
          method: 'POST',
          headers: wire.headers,
          body: wire.body,
          signal: AbortSignal.timeout(requestTimeoutMs)
        })
        return await readAnswer(response)
      } catch (error) {
        const detail = codeOf(error)
        return wire.sent()
          ? { type: 'ambiguous', detail }
          : { type: 'temporary', httpStatus: null, retryAfterMs: null, detail }
      }
    }
  }
}

type Response = Awaited<ReturnType<typeof request>>

async function readAnswer(response: Response): Promise<Answer> {
  const { statusCode: status, headers } = response
  const retryAfter = headers['retry-after']?.toString()
  try {
    const body = Buffer.from(await response.body.arrayBuffer())
    return classify({ status, retryAfter, body }, Date.now())
  } catch (error) {
    // Cut in the middle of a body: a 200 may have been the result, any other status has said enough.
    const cut = { status, retryAfter, body: Buffer.alloc(0) }
    return status === 200 ? { type: 'ambiguous', detail: codeOf(error) } : classify(cut, Date.now())
  }
}

// The body is handed over by a generator, which runs only once there is a connection to write it to:
// until then the request has certainly not been sent.
function onWire({ requestData, callbackUrl, authorization }: KhipuRequest) {
  const bytes = Buffer.from(JSON.stringify({ RequestData: requestData, CallbackUrl: callbackUrl }))
  let sent = false
  function* handOver() {
    sent = true
    yield bytes
  }
  return {
    sent: () => sent,
    headers: {
      ...authorizationHeader(authorization),
      'content-type': 'application/json',
      'content-length': String(bytes.length),
      accept: 'application/json'
    },
    body: Readable.from(handOver())
  }
}

function authorizationHeader(authorization: Authorization): Record<string, string> {
  return 'jwt' in authorization
    ? { authorization: `Bearer ${authorization.jwt}` }
    : { 'x-api-key': authorization.apiKey }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}
