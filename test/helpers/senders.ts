import { transactionsOf } from '../../simulator/transactions.ts'
import { bytes, ok } from './callbacks.ts'

// Callbacks as their senders write them, before they close the connection.

export type Part = Buffer | string
export type Sending = (path: string, body: Buffer) => readonly Part[]

/** A small callback, and one of 3 MB. */
export const SIZES: Readonly<Record<string, Buffer>> = {
  'a small callback': bytes(ok()),
  'a callback of 3 MB': bytes(ok({ Data: { Transaction: transactionsOf('1005-0001', 4000) } }))
}

export const head = (path: string, headers: string) =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`

export const CHUNKED = 'Transfer-Encoding: chunked\r\n'

/** The head of a request that announces the length of its body. */
export const plain = (path: string, body: Buffer) =>
  head(path, `Content-Length: ${body.length}\r\n`)

export const SENDINGS: Readonly<Record<string, Sending>> = {
  'in one write': (path, body) => [Buffer.concat([Buffer.from(plain(path, body)), body])],
  'in several writes': (path, body) => [plain(path, body), ...quarters(body)],
  'in chunks': (path, body) => [
    head(path, CHUNKED),
    ...quarters(body).flatMap((part) => [`${part.length.toString(16)}\r\n`, part, '\r\n']),
    '0\r\n\r\n'
  ]
}

function quarters(body: Buffer): Buffer[] {
  const bounds = [0, 1, 2, 3, 4].map((quarter) => Math.floor((quarter * body.length) / 4))
  return [0, 1, 2, 3].map((at) => body.subarray(bounds[at], bounds[at + 1]))
}
