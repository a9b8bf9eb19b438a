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

/** The limits of a connection. Durations are in ms, sizes in bytes. */
export interface HttpLimits {
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly connectionsCheckingInterval: number
  readonly keepAliveTimeout: number
  readonly maxHeaderSize: number
}

/**
 * `requestTimeout` ends a slow body only because Node checks it every second and `headersTimeout` is lower. With Node's
 * default values neither timeout fires.
 */
const HTTP_LIMITS: HttpLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 72_000,
  maxHeaderSize: 16_384
}

/** The settings that both listeners have for their connections. */
export interface ListenerSettings {
  readonly maxConnections: number
  /** Addresses and networks whose `X-Forwarded-For` the listener trusts. */
  readonly trustedProxies: readonly string[]
  /** For tests, which must not wait 30 s for a limit. */
  readonly limits?: Partial<HttpLimits>
}

/** How a listener answers and counts the requests and connections that never reach Fastify. */
export interface RawAnswers {
  readonly answer: (status: number) => RawAnswer
  /** The status for a request line that is too long for the parser. */
  readonly tooLong: 404 | 414
  /** Counts a refusal. `request` is the one whose body was incomplete or invalid; undefined where its head was. */
  readonly refused: (status: number, request?: IncomingMessage) => void
  readonly dropped: () => void
  /** True for a connection whose request has its own time limit, which starts when its body may be read. */
  readonly hasWaited?: (socket: Socket) => boolean
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Makes Fastify's options for a listener. They include a server with all limits. */
export function serverOptions(
  { maxConnections, trustedProxies, limits }: ListenerSettings,
  bare: RawAnswers
) {
  const exchanges: Exchanges = new WeakMap()
  return {
    logger: false,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    // A closing listener still serves its open connections, so that it loses no valid callback.
    return503OnClosing: false,
    // Fastify's type declares `rawPacket` as JSON. In fact it is a Buffer.
    clientErrorHandler: (error, socket) =>
      answerBroken(error as unknown as ParserError, socket, exchanges, bare),
    serverFactory: (handler: Handler): Server => {
      // Node's own answer to a missing Host would lack headers. protocolFault refuses such a request instead.
      const server = createServer({ ...HTTP_LIMITS, ...limits, requireHostHeader: false })
      // By default, Node ends a connection when it receives FIN, although a complete request may wait for its answer.
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
 * Sends 100 Continue to a client with `Expect: 100-continue` once all checks before the body have passed. Before that
 * it refuses a body whose announced size exceeds the limit.
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

/**
 * Replaces `destroySoon`, with which Node closes a connection after its answer, even where the request was not read
 * completely. Such a connection gets a lingering close, so that the client receives the answer.
 */
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
  const status = protocolFault(request)
  if (status === null) return handler(request, response)
  bare.refused(status)
  const { type, body } = bare.answer(status)
  const headers = { ...HEADERS, connection: 'close', 'content-type': type }
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body)
}

/** Answers a request that the parser refuses, without repeating any of it. Earlier requests get their answers first. */
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
  // Earlier responses are not sent yet. Node assigns the socket to a response once all earlier responses are sent.
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
