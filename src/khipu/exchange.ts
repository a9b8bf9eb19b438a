import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { codeOf } from './error-code.ts'

/** What goes out: a POST, with its body whole. */
export interface Outgoing {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** What came back, as it came. */
export interface Incoming {
  readonly status: number
  readonly retryAfter: readonly string[]
  readonly contentEncoding: string
  readonly body: Buffer
  /** The code of what cut the body short; null where it is whole. */
  readonly cut: string | null
}

/**
 * One POST on a connection that is its own, and its answer; the connection is closed behind it. Node skips an
 * interim answer (100, 102, 103) that nobody asked for. Rejects where the head of an answer never came.
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
  // Heard for good: a body that the server would not read to its end breaks after the answer has come.
  post.on('error', () => {})
  // A switch of protocols that nobody asked for: it says no more than its status.
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
    // Node calls it a reset, whoever has ended it.
    const cut = codeOf(signal.aborted ? signal.reason : error)
    return { ...head, body: Buffer.concat(chunks), cut }
  }
  return { ...head, body: Buffer.concat(chunks), cut: null }
}
