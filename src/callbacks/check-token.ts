import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Capabilities, Capability } from '../crypto/callback-token.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { turnAway } from '../http/headers.ts'
import type { SpoolingDeps } from './spool-callback.ts'
import type { Strangers } from '../http/rate-limit.ts'
import { onBrokenOff } from '../http/complete-messages.ts'

export interface AdmissionDeps extends SpoolingDeps {
  readonly capabilities: Capabilities
  readonly ledger: Pick<Ledger, 'has'>
  readonly strangers: Strangers
  /** False while Redis is away, or so full that its workers would soon be stopped as well. */
  readonly canStore: () => boolean
  readonly counted: (status: string) => void
}

declare module 'fastify' {
  interface FastifyRequest {
    capability: Capability | null
    /** Whether Redis has just said that it knows the request; else it could not be asked. */
    isKnown: boolean
    /** For how long Redis was waited for when it was asked, in ms. */
    askedForMs: number
  }
}

const RETRY_AFTER_SECONDS = '5'

/**
 * Lets in who has the capability of a known request, before one byte of the body is read. While Redis can't
 * say which are known, a good capability is enough for the spool: it was signed for a request once.
 */
export async function admit(deps: AdmissionDeps, request: FastifyRequest, reply: FastifyReply) {
  const capability = deps.capabilities.verify(tokenOf(request))
  if (capability === null) return refuseStranger(deps, request, reply)
  tellIncomplete(deps, request, reply, capability)
  const askedAt = performance.now()
  const known = deps.canStore()
    ? await deps.ledger.has(capability.requestId).catch(() => null)
    : null
  request.askedForMs = performance.now() - askedAt
  if (known === null && !mayBeSpooled(deps, request, capability)) return postpone(deps, reply)
  if (known === false) return refuseStranger(deps, request, reply, { isLookedUp: true })
  request.isKnown = known === true
  request.capability = capability
  // Whatever content type Khipu names, or misspells, must not have the body refused unread.
  request.headers['content-type'] = 'application/octet-stream'
}

/** The route whose first slash is doubled. */
export const DOUBLED_PATH = '//callbacks/*'

/** Gateways put a slash behind the token, or double one before it. One such slash is left out, and no other. */
function tokenOf({ params, routeOptions, url }: FastifyRequest): string {
  const token = (params as { '*': string })['*']
  // A slash that is written as %2F is no such slash.
  if (routeOptions.url === DOUBLED_PATH || url.includes('%')) return token
  return token.startsWith('/') ? token.slice(1) : token.replace(/(?<!\/)\/$/, '')
}

/** A verified callback that breaks off leaves a line and a count, for nothing else would tell of it. */
function tellIncomplete(
  { counted, log }: AdmissionDeps,
  { raw, headers }: FastifyRequest,
  reply: FastifyReply,
  { requestId, attempt }: Capability
): void {
  const length = headers['content-length']
  const announced = length === undefined ? null : Number(length)
  onBrokenOff(raw, (received) => {
    // It was refused before, and need not have been sent to its end.
    if (reply.raw.headersSent) return
    counted('incomplete')
    log.warn({ requestId, attempt, received, announced }, 'callback incomplete')
  })
}

/** By the length that it announces; one that comes in chunks has to be read first. */
function mayBeSpooled(
  { spool, log }: AdmissionDeps,
  { headers }: FastifyRequest,
  { requestId, attempt }: Capability
): boolean {
  if (spool === null) return false
  const size = Number(headers['content-length'] ?? 0)
  const hasRoom = spool.hasRoom(size)
  if (!hasRoom) log.error({ requestId, attempt, size, code: 'full' }, 'callback not spooled')
  return hasRoom
}

/**
 * The same 404 for a forgery as for a token whose request is unknown, after the same work: its time
 * must not tell which it was. Over the limit of its address it hears 429, and Redis nothing.
 */
export async function refuseStranger(
  deps: AdmissionDeps,
  { ip }: FastifyRequest,
  reply: FastifyReply,
  { isLookedUp } = { isLookedUp: false }
): Promise<FastifyReply> {
  const wait = await deps.strangers.meet(ip)
  if (wait !== null) {
    deps.counted('too-many')
    void reply.header('retry-after', String(wait)).header('connection', 'close')
    return reply.code(429).send({ status: 'too-many' })
  }
  if (!isLookedUp && deps.canStore()) await deps.ledger.has(randomUUID()).catch(() => false)
  return refuseUnknown(deps, reply)
}

export function refuseUnknown({ counted }: AdmissionDeps, reply: FastifyReply): FastifyReply {
  counted('not-found')
  return turnAway(reply)
}

export function postpone({ counted }: AdmissionDeps, reply: FastifyReply): FastifyReply {
  counted('unavailable')
  return reply
    .code(503)
    .header('retry-after', RETRY_AFTER_SECONDS)
    .header('connection', 'close')
    .send({ status: 'unavailable' })
}
