import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Capabilities, Capability } from '../crypto/callback-token.ts'
import { onBrokenOff } from '../http/complete-messages.ts'
import type { RefusalLimiter } from '../http/rate-limit.ts'
import { CALLBACK_ANSWERS, type CallbackOutcome, sendAnswer } from './callback-answers.ts'
import type { CallbackSize, CallbackStore, LookUp } from './redis-store.ts'

/** Counts an outcome, with the time until its answer in ms and the size of its body where these are known. */
export type CountOutcome = (status: string, tookMs?: number, bytes?: number) => void

export interface TokenDeps {
  readonly capabilities: Capabilities
  readonly store: Pick<CallbackStore, 'canStore' | 'knows' | 'hasRoom'>
  readonly refusals: RefusalLimiter
  readonly counted: CountOutcome
  readonly log: Logger
}

declare module 'fastify' {
  interface FastifyRequest {
    capability: Capability | null
    lookUp: LookUp
    /** When its head was read, by `performance.now()`. */
    beganAt: number
    /** How long Redis took to say whether it knows the request, in ms. */
    askedForMs: number
  }
}

/** A smaller body is read before Redis is asked for its request. That saves a round trip. */
const LOOKED_UP_FIRST_BYTES = 64 * 1024

/**
 * Lets a call with a valid token go on, before one byte of its body is read. Before a large body, or one of unknown
 * length, Redis must also know the request. While Redis can't say which requests are known, a valid token is enough for
 * the disk: it was signed for a request once. Null for a call that was answered instead.
 */
export function checkToken(
  deps: TokenDeps,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<Capability | null> | Capability {
  const capability = deps.capabilities.verify(tokenOf(request))
  if (capability === null) return refuse(deps, request, reply)
  reportBrokenOff(deps, request, reply, capability)
  const size = announcedSize(request)
  const isSmall = size !== null && size <= LOOKED_UP_FIRST_BYTES
  if (isSmall && deps.store.canStore()) return admit(request, capability)
  return lookUpFirst(deps, request, reply, { ...capability, size: size ?? 0 })
}

async function lookUpFirst(
  deps: TokenDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { size, ...capability }: CallbackSize
): Promise<Capability | null> {
  const known = await lookUp(deps.store, request, capability)
  if (known === null && !deps.store.hasRoom({ ...capability, size })) {
    answer(deps, reply, 'unavailable')
    return null
  }
  if (known === false) return refuse(deps, request, reply, { isLookedUp: true })
  return admit(request, capability)
}

async function refuse(...refused: Parameters<typeof refuseCall>): Promise<null> {
  await refuseCall(...refused)
  return null
}

function admit(request: FastifyRequest, capability: Capability): Capability {
  request.capability = capability
  // Whatever content type Khipu names, or misspells, must not have the body refused unread.
  request.headers['content-type'] = 'application/octet-stream'
  return capability
}

/** Asks Redis whether it knows the request; null where it can't say. */
export async function lookUp(
  store: Pick<CallbackStore, 'knows'>,
  request: FastifyRequest,
  { requestId }: Capability
): Promise<boolean | null> {
  const askedAt = performance.now()
  const known = await store.knows(requestId)
  request.askedForMs += performance.now() - askedAt
  request.lookUp = known === null ? 'failed' : 'known'
  return known
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

/** A verified callback that breaks off leaves a log line and a count, for nothing else would tell of it. */
function reportBrokenOff(
  { counted, log }: TokenDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { requestId, attempt }: Capability
): void {
  const announced = announcedSize(request)
  onBrokenOff(request.raw, (received) => {
    // It was refused before, and need not have been sent to its end.
    if (reply.raw.headersSent) return
    counted('incomplete')
    log.warn({ requestId, attempt, received, announced }, 'callback incomplete')
  })
}

/** Null for a body that comes in chunks. */
function announcedSize({ headers }: FastifyRequest): number | null {
  const length = headers['content-length']
  return length === undefined ? null : Number(length)
}

/**
 * The same 404 for a forged token as for one whose request is unknown, after the same work: its time must not tell
 * which it was. Over the limit of its address the answer is 429, and Redis is not asked.
 */
export async function refuseCall(
  deps: TokenDeps,
  { ip }: FastifyRequest,
  reply: FastifyReply,
  { isLookedUp } = { isLookedUp: false }
): Promise<FastifyReply> {
  const seconds = await deps.refusals.refuse(ip)
  if (seconds !== null) {
    return answer(deps, reply.header('retry-after', String(seconds)), 'rateLimited')
  }
  if (!isLookedUp) await deps.store.knows(randomUUID())
  return answer(deps, reply, 'notFound')
}

/** Counts an outcome, and answers it. */
export function answer(
  { counted }: Pick<TokenDeps, 'counted'>,
  reply: FastifyReply,
  outcome: CallbackOutcome
): FastifyReply {
  counted(CALLBACK_ANSWERS[outcome].metric, tookMs(reply.request))
  return sendAnswer(reply, outcome)
}

/** How long a call has taken so far; undefined where its path could not be decoded, so that it never began. */
export function tookMs({ beganAt }: FastifyRequest): number | undefined {
  return beganAt === 0 ? undefined : performance.now() - beganAt
}
