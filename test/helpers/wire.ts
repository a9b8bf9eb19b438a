import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'

/** What a listener answered, read to the end. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body where it is JSON, undefined otherwise. */
  readonly json: unknown
}

/** Longer than any answer takes whose Redis is silent. */
const CLOSED_WITHIN_MS = 2_500

/** Starts a listener on a free port of its own for one test; tells its address. */
export async function listen(t: Test, app: FastifyInstance): Promise<string> {
  // A handler whose Redis never answers must not keep its connection, and the test, for ever.
  t.teardown(async () => {
    const cutOff = setTimeout(() => app.server.closeAllConnections(), CLOSED_WITHIN_MS)
    await app.close()
    clearTimeout(cutOff)
  })
  return app.listen({ host: '127.0.0.1', port: 0 })
}

/** One HTTP exchange; redirects are not followed. */
export async function call(url: string, init: RequestInit = {}): Promise<Answered> {
  const response = await fetch(url, { redirect: 'manual', ...init })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parse(text) }
}

/** Writes the text to the address and nothing more; all that comes back until the other side closes. */
export async function writeRaw(address: string, text: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  const read: Buffer[] = []
  socket.on('data', (chunk: Buffer) => read.push(chunk))
  // A reset after the answer is an end like any other.
  socket.on('error', () => {})
  socket.write(text)
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(read).toString('latin1')
}

/** A connection that is open, and says nothing. */
export async function hold(address: string): Promise<Socket> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
