import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** The newest response of a connection, and the requests that wait behind the current one. */
interface Exchange {
  newest: ServerResponse
  readonly waiting: Set<() => void>
}

export type Exchanges = WeakMap<Socket, Exchange>

/** The most pipelined requests of a connection. No honest client sends more, and more could fill the memory. */
const MOST_PIPELINED = 10

/**
 * Serves the requests of a connection one after the other. A request behind an answer that closes the connection is not
 * served. Where the sender closes the connection, all its requests are served, although no answer reaches it.
 */
export function inTurn(
  exchanges: Exchanges,
  { socket }: IncomingMessage,
  response: ServerResponse,
  serve: () => void
): void {
  // The service has ended this connection, so later requests are not served.
  if (socket.writableEnded) return void socket.destroy()
  const exchange = exchanges.get(socket) ?? begin(exchanges, socket, response)
  const before = exchange.newest
  exchange.newest = response
  if (before === response || before.writableFinished) return serve()
  if (exchange.waiting.size === MOST_PIPELINED) {
    exchange.waiting.clear()
    return void socket.destroy()
  }
  const go = () => {
    if (exchange.waiting.delete(go) && !socket.writableEnded) serve()
  }
  exchange.waiting.add(go)
  before.once('close', go)
}

function begin(exchanges: Exchanges, socket: Socket, newest: ServerResponse): Exchange {
  const exchange: Exchange = { newest, waiting: new Set() }
  exchanges.set(socket, exchange)
  socket.once('close', () => {
    for (const go of [...exchange.waiting]) go()
  })
  return exchange
}
