import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'

/** The content codings that the client announces: no more than decodeBody can decode. */
export const ACCEPT_ENCODING = 'gzip, deflate, br'

type Decoder = (body: Buffer, limit: { readonly maxOutputLength: number }) => Promise<Buffer>

const unzip: Decoder = promisify(gunzip)
const inflateZlib: Decoder = promisify(inflate)
const inflateBare: Decoder = promisify(inflateRaw)

/** `deflate` means zlib's format, yet some servers send it without the zlib header (RFC 9110, 8.4.1.2). */
const inflateEither: Decoder = (body, limit) =>
  hasZlibHead(body) ? inflateZlib(body, limit) : inflateBare(body, limit)

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', unzip],
  ['x-gzip', unzip],
  ['deflate', inflateEither],
  ['br', promisify(brotliDecompress)],
  ['identity', async (body) => body]
])

/** More than one coding is unusual, and each costs time and memory. */
const MOST_CODINGS = 4

/**
 * The body without its content codings; the last one is decoded first. Null if a coding is unknown, the bytes are
 * invalid, or a step yields more than `mostBytes`.
 */
export async function decodeBody(
  body: Buffer,
  contentEncoding: string,
  mostBytes: number
): Promise<Buffer | null> {
  const codings = contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '')
  // A server may name a coding and send an empty body.
  if (body.length === 0) return body
  if (codings.length > MOST_CODINGS) return null
  let decoded = body
  for (const coding of codings.toReversed()) {
    const decode = DECODERS.get(coding)
    if (decode === undefined) return null
    try {
      decoded = await decode(decoded, { maxOutputLength: mostBytes })
    } catch {
      return null
    }
  }
  return decoded
}

function hasZlibHead(body: Buffer): boolean {
  const [method = 0, flags = 0] = body
  return (method & 0x0f) === 8 && ((method << 8) | flags) % 31 === 0
}
