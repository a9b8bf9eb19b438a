import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ParserError } from './protocol-errors.ts'

/**
 * The body of a POST over HTTP/1.0 that announces no length. It ends where the sender ends the connection, so it is
 * unknown whether it is complete. Node treats such a request as one without a body. Then its parser fails on each
 * packet of the body.
 */
export interface UnframedBody {
  /** Takes the packet on which the parser failed; false where the error has another cause. */
  take(error: ParserError): boolean
  /** Resolves with the bytes until the sender ends or is silent; null where they are more than `mostBytes`. */
  read(mostBytes: number): Promise<Buffer | null>
}

/** After this silence the body counts as ended. A sender that waits for the answer does not end the connection. */
const SILENCE_MS = 2_000
const MOST_MS = 30_000

const bodies = new WeakMap<IncomingMessage, UnframedBody>()

export function followUnframed(request: IncomingMessage): void {
  const { method, httpVersion, headers } = request
  const isFramed = 'content-length' in headers || 'transfer-encoding' in headers
  if (method === 'POST' && httpVersion === '1.0' && !isFramed) {
    bodies.set(request, openBody(request.socket))
  }
}

export function unframedBody(request: IncomingMessage): UnframedBody | undefined {
  return bodies.get(request)
}

function openBody(socket: Socket): UnframedBody {
  const packets: Buffer[] = []
  let isWanted = false
  let onPacket = () => {}
  const size = () => packets.reduce((sum, { length }) => sum + length, 0)
  return {
    take(error) {
      const { rawPacket } = error
      if (rawPacket === undefined || error.code?.startsWith('HPE_') !== true) return false
      const isFirst = packets.length === 0
      // Before the callback token is verified, the first packet is kept in memory and no other packet is read.
      if (isFirst && !isWanted) socket.pause()
      if (isFirst || isWanted) packets.push(isFirst ? restOf(error, rawPacket) : rawPacket)
      onPacket()
      return true
    },
    async read(mostBytes) {
      isWanted = true
      await new Promise<void>((resolve) => {
        const until = performance.now() + MOST_MS
        const silence = setTimeout(resolve, SILENCE_MS)
        onPacket = () => {
          silence.refresh()
          if (size() > mostBytes || performance.now() > until) resolve()
        }
        socket.once('end', resolve).once('close', resolve)
        if (socket.readableEnded || socket.destroyed) resolve()
        else socket.resume()
        onPacket()
      })
      isWanted = false
      return size() > mostBytes ? null : Buffer.concat(packets)
    }
  }
}

/** The bytes behind the head. Without keep-alive, the parser has consumed one byte too many. */
function restOf({ code, bytesParsed = 0 }: ParserError, rawPacket: Buffer): Buffer {
  return rawPacket.subarray(code === 'HPE_CLOSED_CONNECTION' ? bytesParsed - 1 : bytesParsed)
}
