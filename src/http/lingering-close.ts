import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** How long, and for how many bytes, the service reads and drops data after an answer. */
const MOST_MS = 5_000
const MOST_BYTES = 32 * 1024 * 1024
const LOOK_EVERY_MS = 100

/**
 * Closes a connection whose request was answered before its body was read, so that the client receives the answer.
 * After an immediate close, TCP would answer the rest of the body with a reset. The reset can overtake the answer
 * (RFC 9112, 9.6).
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
  // Nothing else reads the data behind a complete request.
  if (request.complete) socket.resume()
  socket.end()
}
