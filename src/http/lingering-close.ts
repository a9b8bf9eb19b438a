import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** For how long, and for how many bytes more, what comes behind an answer is read and dropped. */
const MOST_MS = 5_000
const MOST_BYTES = 32 * 1024 * 1024
const LOOK_EVERY_MS = 100

/**
 * Closes a connection whose request was answered with its body unread, so that the answer is heard: closed at once,
 * what still comes would be met with a reset, which overtakes the answer (RFC 9112, 9.6).
 */
export function lingeringClose(socket: Socket, request: IncomingMessage): void {
  const until = performance.now() + MOST_MS
  const most = socket.bytesRead + MOST_BYTES
  const looking = setInterval(() => {
    if (performance.now() <= until && socket.bytesRead <= most) return
    clearInterval(looking)
    socket.destroy()
  }, LOOK_EVERY_MS)
  socket.once('close', () => clearInterval(looking))
  request.resume()
  // Of a request that is read to its end, what comes behind it: nothing else reads that.
  if (request.complete) socket.resume()
  socket.end()
}
