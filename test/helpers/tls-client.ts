import { once } from 'node:events'
import { type IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { connect } from 'node:tls'
import type { Answer } from './service-process.ts'

/** Where something speaks TLS, and the authority, as PEM, that has signed its certificate. */
export interface Secured {
  readonly url: string
  readonly ca: string
}

/** A request as a client of its own sends it, on a connection of its own. */
export interface Sent {
  readonly method?: string
  readonly body?: Buffer | string
  /** Whether the body goes in chunks, its length unsaid. */
  readonly isChunked?: boolean
  /** The address that the client has: any of 127.0.0.0/8. */
  readonly from?: string
  readonly headers?: Readonly<Record<string, string>>
}

const CHUNK_BYTES = 60_000

/** Sends a request over TLS and reads its answer; rejects where the certificate is not good. */
export async function callOver<Body = unknown>(
  { url, ca }: Secured,
  path: string,
  { method = 'GET', body = '', isChunked = false, from = '127.0.0.1', headers = {} }: Sent = {}
): Promise<Answer<Body>> {
  const bytes = Buffer.from(body)
  const length = isChunked || method === 'GET' ? {} : { 'content-length': String(bytes.length) }
  const exchange = request(new URL(path, url), {
    ...{ ca, method, agent: false, localAddress: from },
    headers: { ...length, ...headers }
  })
  const answered = once(exchange, 'response') as Promise<[IncomingMessage]>
  // Who answers before the body is through may close behind its answer: that is no fault of this side.
  exchange.on('error', () => {})
  for (let at = 0; isChunked && at < bytes.length; at += CHUNK_BYTES) {
    exchange.write(bytes.subarray(at, at + CHUNK_BYTES))
  }
  exchange.end(isChunked ? undefined : bytes)
  const [response] = await answered
  return toAnswer(response)
}

/** Writes bytes over TLS, and ends where it is told to; all that comes back until the other side closes. */
export async function writeOver(
  { url, ca }: Secured,
  text: string,
  { isEnded } = { isEnded: true }
): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), ca })
  const read: Buffer[] = []
  socket.on('data', (chunk: Buffer) => read.push(chunk))
  // A reset after the answer is an end like any other.
  socket.on('error', () => {})
  if (isEnded) socket.end(text, 'latin1')
  else socket.write(text, 'latin1')
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(read).toString('latin1')
}

async function toAnswer<Body>(response: IncomingMessage): Promise<Answer<Body>> {
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(response, 'end')
  const text = Buffer.concat(chunks).toString()
  const headers = new Headers(
    Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)])
  )
  return { status: response.statusCode ?? 0, headers, text, body: readJson(text) as Body }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
