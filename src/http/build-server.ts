import { errorCodes, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  asText,
  type RawAnswer,
  type ParserError,
  protocolFault,
  statusOfBrokenRequest
} from './protocol-errors.ts'
import { type Exchanges, inTurn } from './exchanges.ts'
import { HEADERS } from './headers.ts'
import { lingeringClose } from './lingering-close.ts'
import { followUnframed, unframedBody } from './unframed-body.ts'
import { followBody } from './complete-messages.ts'

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
export interface RawAnswers {
  readonly answer: (status: number) => RawAnswer
  /** The status for a request line that is too long to be read. */
  readonly tooLong: 404 | 414
  /** `request` is the one whose body broke off or could not be read; undefined where its head was. */
  readonly refused: (status: number, request?: IncomingMessage) => void
  readonly dropped: () => void
  /** True of a connection whose request has a limit of its own, from when its body may be read. */
  readonly hasWaited?: (socket: Socket) => boolean
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Fastify's options for a listener of ours: its server is made here, with every limit on it. */
export function serverOptions(
  { maxConnections, trustedProxies, limits }: ListenerSettings,
  bare: RawAnswers
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
      // Node ends a connection on FIN, also where it has sent a whole request that waits for its answer.
      Object.assign(server, { httpAllowHalfOpen: true })
      const take: Handler = (request, response) => {
        followBody(request)
        followUnframed(request)
        inTurn(exchanges, request, response, () => serve(request, response, handler, bare))
      }
      for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, take)
      server.on('connection', (socket: Socket) => closeHeard(socket, exchanges))
      server.maxConnections = maxConnections
      server.on('drop', bare.dropped)
      return server
    }
  } satisfies FastifyServerOptions
}

/**
 * A client that asks first, by `Expect: 100-continue`, is told to go on once nothing speaks against the body. A body
 * that is announced above the limit is refused before that.
 */
export function continueWhenAdmitted(app: FastifyInstance): void {
  app.addHook('preParsing', async (request, reply) => {
    if (!/100-continue/i.test(request.headers.expect ?? '')) return
    if (Number(request.headers['content-length']) > request.routeOptions.bodyLimit) {
      void reply.header('connection', 'close')
      throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
    }
    reply.raw.writeContinue()
  })
}

/** Node closes what is answered with `destroySoon`, whether the request was read to its end or not. */
function closeHeard(socket: Socket, exchanges: Exchanges): void {
  const close = socket.destroySoon.bind(socket)
  socket.destroySoon = () => {
    const request = exchanges.get(socket)?.newest.req
    if (request === undefined) return close()
    if (request.complete && unframedBody(request) === undefined) return close()
    lingeringClose(socket, request)
  }
}

function serve(
  request: IncomingMessage,
  response: ServerResponse,
  handler: Handler,
  bare: RawAnswers
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
function answerBroken(
  error: ParserError,
  socket: Socket,
  exchanges: Exchanges,
  bare: RawAnswers
): void {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && bare.hasWaited?.(socket) === true) return
  const before = exchanges.get(socket)?.newest
  const refuse = (request?: IncomingMessage) => refuseBroken(error, socket, bare, request)
  const unframed = before === undefined ? undefined : unframedBody(before.req)
  if (before !== undefined && unframed?.take(error) === true) return closeWith(before)
  if (!socket.writable) return void socket.destroy()
  if (before === undefined || before.writableFinished) return refuse()
  if (before.headersSent) return void socket.destroy()
  if (before.req.complete) return closeWith(before)
  // It is another's turn: Node gives a response the socket once all before it are out.
  if (before.socket === null) return void before.once('socket', () => refuse(before.req))
  refuse(before.req)
}

function closeWith(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

function refuseBroken(
  error: ParserError,
  socket: Socket,
  bare: RawAnswers,
  request: IncomingMessage | undefined
): void {
  const status = statusOfBrokenRequest(error, bare.tooLong)
  bare.refused(status, request)
  socket.end(asText(status, bare.answer(status)), () => socket.destroy())
}
