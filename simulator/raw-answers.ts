import type { Answer } from './behaviour.ts'

/** An answer that is no envelope. */
export type RawAnswer = Extract<Answer, { kind: 'raw' }>

/** Khipu's 401: a JSON string under the content type of plain text. */
export const unauthorized = raw(401, 'text/plain', '"Authorization failed"')

/** 403 as an API gateway words it; Khipu documents none. */
export const forbidden = raw(403, 'application/json', '{"message":"Forbidden"}')

/** 422; Khipu documents none. */
export const unprocessable = raw(422, 'application/json', '{"message":"Unprocessable Entity"}')

/** 429 with a Retry-After of one second; Khipu documents none. */
export const tooManyRequests: RawAnswer = {
  ...raw(429, 'application/json', '{"message":"Too Many Requests"}'),
  retryAfter: '1'
}

/** Khipu's 500: the text of a Go error. */
export const goError = raw(
  500,
  'text/plain; charset=utf-8',
  'rpc error: code = Unavailable desc = connection error: dial tcp 10.0.0.9:443: i/o timeout\n'
)

/** 503; Khipu documents none. */
export const unavailable = raw(503, 'text/plain', 'Service Unavailable')

/** The gateway's 504 page, which it sends after 180 seconds in reality. */
export const gatewayTimeout = raw(
  504,
  'text/html',
  '<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n' +
    '<center><h1>504 Gateway Time-out</h1></center>\r\n<hr><center>nginx</center>\r\n' +
    '</body>\r\n</html>\r\n'
)

/** HTTP 200 that says JSON and holds bytes that are not even text. */
export const garbage: RawAnswer = {
  ...raw(200, 'application/json', ''),
  body: Buffer.from([0x00, 0xff, 0xfe, 0x1f, 0x8b, 0x08, 0xc3, 0x28, 0xa0, 0xa1, 0x7b, 0x22])
}

/** HTTP 200 and nothing in it. */
export const emptyAnswer = raw(200, 'application/json', '')

/** 308, which leads nowhere; Khipu documents none. */
export const redirect = raw(308, 'text/plain', 'Permanent Redirect')

function raw(status: number, contentType: string, body: string): RawAnswer {
  return { kind: 'raw', status, contentType, body }
}
