import { type IncomingMessage, STATUS_CODES } from 'node:http'
import { HEADERS } from './headers.ts'

/** An answer that is given without Fastify. */
export interface RawAnswer {
  readonly type: string
  readonly body: string
}

/** Node holds the bytes of all headers below 16 KB, and beyond 2,000 headers silently drops some. */
const MOST_HEADERS = 100
const HOST = /^[\w.~!$&'()*+,;=:%[\]-]*$/

/** The status for a request that Node's parser lets pass and HTTP does not; null for a sound one. */
export function protocolFault({ httpVersion, rawHeaders }: IncomingMessage): number | null {
  if (rawHeaders.length > MOST_HEADERS * 2) return 431
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 505
  // RFC 9112, 3.2: one Host in HTTP/1.1, and never two, lest a proxy reads the other one.
  const hosts = rawHeaders.filter(
    (_, at) => at % 2 === 1 && /^host$/i.test(rawHeaders[at - 1] ?? '')
  )
  const isSound = hosts.length <= 1 && hosts.every((host) => HOST.test(host))
  return isSound && (hosts.length === 1 || httpVersion === '1.0') ? null : 400
}

/** What Node says of a request that its parser gave up. */
export interface ParserError {
  readonly code?: string
  readonly rawPacket?: Buffer
  readonly bytesParsed?: number
}

/** The status for what the parser could not read. */
export function statusOfBrokenRequest(
  { code, rawPacket, bytesParsed }: ParserError,
  tooLong: 404 | 414
): number {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413
  if (code !== 'HPE_HEADER_OVERFLOW') return 400
  // No end of line before the overflow: it is the request line that is too long.
  return rawPacket?.subarray(0, bytesParsed).includes('\n') ? 431 : tooLong
}

/** The answer as it goes over the wire; the connection ends with it. */
export function asText(status: number, { type, body }: RawAnswer): string {
  const headers = {
    ...HEADERS,
    connection: 'close',
    'content-type': type,
    'content-length': String(Buffer.byteLength(body)),
    date: new Date().toUTCString()
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}
