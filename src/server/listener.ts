import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  asText,
  type BareAnswer,
  type ParserError,
  protocolFault,
  statusOfBroken
} from './protocol.ts'
import { HEADERS } from './http.ts'
import { linger } from './linger.ts'

/** How long, and how much, a connection may take. Durations in ms. */
export interface HttpLimits {
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly connectionsCheckingInterval: number
  readonly keepAliveTimeout: number
  readonly maxHeaderSize: number
}

/**
 * `requestTimeout` ends a slow body only because it is checked every second and `headersTimeout` is
 * lower: by default neither fires.
 */
const HTTP_LIMITS: HttpLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 72_000,
  maxHeaderSize: 16_384
}

/** What both listeners are told of the connections that they take. */
export interface ListenerSettings {
  readonly maxConnections: number
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  /** For tests: nobody waits 30 s for a limit. */
  readonly limits?: Partial<HttpLimits>
}

/** How a listener answers what Fastify never sees, and what it counts. */
export interface Bare {
  readonly answer: (status: number) => BareAnswer
  /** The status for a request line that is too long to be read. */
  readonly tooLong: 404 | 414
  readonly refused: (status: number) => void
  readonly dropped: () => void
  /** True of a connection whose request has a limit of its own, from when its body may be read. */
  readonly hasWaited?: (socket: Socket) => boolean
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Fastify's options for a listener of ours: its server is made here, with every limit on it. */
export function serverOptions(
  { maxConnections, trustedProxies, limits }: ListenerSettings,
  bare: Bare
) {
  const exchanges: Exchanges = new WeakMap()
  return {
    logger: false,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    // While it closes it still serves whoever is connected: a good callback is not to be lost.
    return503OnClosing: false,
    // Fastify's type has the packet as it would be in JSON; it is a Buffer.
    clientErrorHandler: (error, socket) =>
      answerBroken(error as unknown as ParserError, socket, exchanges, bare),
    serverFactory: (handler: Handler): Server => {
      // A missing Host is refused here, where the answer has all its headers.
      const server = createServer({ ...HTTP_LIMITS, ...limits, requireHostHeader: false })
      const take: Handler = (request, response) =>
        inTurn(exchanges, request, response, () => serve(request, response, handler, bare))
      for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, take)
      server.on('connection', (socket: Socket) => closeHeard(socket, exchanges))
      server.maxConnections = maxConnections
      server.on('drop', bare.dropped)
      return server
    }
  } satisfies FastifyServerOptions
}

/** Who asks first, by `Expect: 100-continue`, is told to go on once nothing speaks against the body. */
export function continueWhenAdmitted(app: FastifyInstance): void {
  app.addHook('preParsing', async (request, reply) => {
    if (/100-continue/i.test(request.headers.expect ?? '')) reply.raw.writeContinue()
  })
}

/** The newest exchange of each connection, and how many wait behind the one that is being served. */
type Exchanges = WeakMap<Socket, { newest: ServerResponse; waiting: number }>

/** Nobody who waits for answers sends so many requests ahead of them; whoever does fills the memory. */
const MOST_PIPELINED = 10

/** One request of a connection after the other; what was sent behind an answer that closes it is not served. */
function inTurn(
  exchanges: Exchanges,
  { socket }: IncomingMessage,
  response: ServerResponse,
  next: () => void
): void {
  if (!socket.writable) return void socket.destroy()
  const exchange = exchanges.get(socket) ?? { newest: response, waiting: 0 }
  const before = exchange.newest
  exchange.newest = response
  exchanges.set(socket, exchange)
  if (before === response || before.writableFinished) return next()
  exchange.waiting += 1
  if (exchange.waiting > MOST_PIPELINED) return void socket.destroy()
  before.once('close', () => {
    exchange.waiting -= 1
    if (socket.writable) next()
  })
}

/** Node closes what is answered with `destroySoon`, whether the request was read to its end or not. */
function closeHeard(socket: Socket, exchanges: Exchanges): void {
  const close = socket.destroySoon.bind(socket)
  socket.destroySoon = () => {
    const request = exchanges.get(socket)?.newest.req
    if (request === undefined || request.complete) return close()
    linger(socket, request)
  }
}

function serve(
  request: IncomingMessage,
  response: ServerResponse,
  handler: Handler,
  bare: Bare
): void {
  response.setHeader('cache-control', 'no-store')
  const status = protocolFault(request)
  if (status === null) return handler(request, response)
  bare.refused(status)
  const { type, body } = bare.answer(status)
  const headers = { ...HEADERS, connection: 'close', 'content-type': type }
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body)
}

/** Answers what the parser refuses, without a word of it. What came before it is answered first. */
function answerBroken(error: ParserError, socket: Socket, exchanges: Exchanges, bare: Bare): void {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && bare.hasWaited?.(socket) === true) return
  const before = exchanges.get(socket)?.newest
  const refuse = () => refuseBroken(error, socket, bare)
  if (!socket.writable) return void socket.destroy()
  if (before === undefined || before.writableFinished) return refuse()
  if (before.headersSent) return void socket.destroy()
  if (before.req.complete) return void before.setHeader('connection', 'close')
  // It is another's turn: Node gives a response the socket once all before it are out.
  if (before.socket === null) return void before.once('socket', refuse)
  refuse()
}

function refuseBroken(error: ParserError, socket: Socket, bare: Bare): void {
  const status = statusOfBroken(error, bare.tooLong)
  bare.refused(status)
  socket.end(asText(status, bare.answer(status)), () => socket.destroy())
}
