import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { errorCodeOf } from './error-code.ts'

/** A POST to send, with its complete body. */
export interface Outgoing {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The answer, as it was received. */
export interface Incoming {
  readonly status: number
  readonly retryAfter: readonly string[]
  readonly contentEncoding: string
  readonly body: Buffer
  /** The code of the error that cut the body short; null if the body is complete. */
  readonly cut: string | null
}

/**
 * Sends one POST on its own connection, reads the answer and closes the connection. Node skips an unrequested interim
 * answer (100, 102, 103). Rejects if the head of an answer never arrived.
 */
export async function exchange(
  socket: Socket,
  { path, headers, body }: Outgoing,
  mostBytes: number,
  signal: AbortSignal
): Promise<Incoming> {
  const post = request({ method: 'POST', path, headers, createConnection: () => socket, signal })
  try {
    const response = await answerOf(post, body)
    return await readWhole(response, mostBytes, signal)
  } finally {
    post.destroy()
    socket.destroy()
  }
}

type Post = ReturnType<typeof request>

async function answerOf(post: Post, body: Buffer): Promise<IncomingMessage> {
  // The listener stays: if the server does not read the whole body, an error follows the answer.
  post.on('error', () => {})
  // An unrequested switch of protocols. Only its status counts.
  const upgraded = once(post, 'upgrade')
  const answered = once(post, 'response')
  post.end(body)
  const [response] = (await Promise.race([answered, upgraded])) as [IncomingMessage]
  return response
}

async function readWhole(
  response: IncomingMessage,
  mostBytes: number,
  signal: AbortSignal
): Promise<Incoming> {
  const { statusCode: status = 0, headers, headersDistinct } = response
  const head = {
    status,
    retryAfter: headersDistinct['retry-after'] ?? [],
    contentEncoding: headers['content-encoding'] ?? ''
  }
  const chunks: Buffer[] = []
  if (status === 101) return { ...head, body: Buffer.alloc(0), cut: null }
  let bytes = 0
  try {
    for await (const chunk of response) {
      const piece = chunk as Buffer
      bytes += piece.length
      if (bytes > mostBytes) return { ...head, body: Buffer.concat(chunks), cut: 'ERR_TOO_LARGE' }
      chunks.push(piece)
    }
  } catch (error) {
    // Node reports a reset even if our own signal ended the connection.
    const cut = errorCodeOf(signal.aborted ? signal.reason : error)
    return { ...head, body: Buffer.concat(chunks), cut }
  }
  return { ...head, body: Buffer.concat(chunks), cut: null }
}
