import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ParserError } from './protocol-errors.ts'

/**
 * The body of a POST over HTTP/1.0 that announces no length. It ends where the sender ends the connection, so nobody
 * can tell whether it is whole. Node takes such a request for one without a body, and its parser fails on every packet.
 */
export interface UnframedBody {
  /** Takes the packet that the parser has failed on; false where the error is another one. */
  take(error: ParserError): boolean
  /** Resolves with what came until the sender ended or fell silent; null where it is more than `mostBytes`. */
  read(mostBytes: number): Promise<Buffer | null>
}

/** A sender that waits for the answer does not end the connection: after this silence no more is to come. */
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
      // Until the capability is verified the first packet is held, and no other is read.
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

/** What is behind the head: of a connection that is not kept, the parser has consumed one byte more. */
function restOf({ code, bytesParsed = 0 }: ParserError, rawPacket: Buffer): Buffer {
  return rawPacket.subarray(code === 'HPE_CLOSED_CONNECTION' ? bytesParsed - 1 : bytesParsed)
}
