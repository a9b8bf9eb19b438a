import { type IncomingMessage, STATUS_CODES } from 'node:http'
import { HEADERS } from './headers.ts'

/** An answer that the service sends without Fastify. */
export interface RawAnswer {
  readonly type: string
  readonly body: string
}

/** The most headers of a request. Node limits their bytes to 16 KB, but silently drops headers beyond 2,000. */
const MOST_HEADERS = 100
const HOST = /^[\w.~!$&'()*+,;=:%[\]-]*$/

/** The status for a request that Node's parser accepts although HTTP forbids it; null for a valid request. */
export function protocolFault({ httpVersion, rawHeaders }: IncomingMessage): number | null {
  if (rawHeaders.length > MOST_HEADERS * 2) return 431
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 505
  // RFC 9112, 3.2: HTTP/1.1 requires one Host. Two are never allowed, because a proxy might read the other one.
  const hosts = rawHeaders.filter(
    (_, at) => at % 2 === 1 && /^host$/i.test(rawHeaders[at - 1] ?? '')
  )
  const isSound = hosts.length <= 1 && hosts.every((host) => HOST.test(host))
  return isSound && (hosts.length === 1 || httpVersion === '1.0') ? null : 400
}

/** The error of Node's parser. */
export interface ParserError {
  readonly code?: string
  readonly rawPacket?: Buffer
  readonly bytesParsed?: number
}

/** The status for a request that the parser could not read. */
export function statusOfBrokenRequest(
  { code, rawPacket, bytesParsed }: ParserError,
  tooLong: 404 | 414
): number {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413
  if (code !== 'HPE_HEADER_OVERFLOW') return 400
  // Without an end of line before the overflow, the request line is too long.
  return rawPacket?.subarray(0, bytesParsed).includes('\n') ? 431 : tooLong
}

/** The bytes of the answer, as text. The connection closes after it. */
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
