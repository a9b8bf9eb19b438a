import { errorCodes, type FastifyReply, type FastifyRequest } from 'fastify'
import type { LimitFunction } from 'p-limit'
import type { Logger } from 'pino'
import type { Capability } from '../crypto/callback-token.ts'
import type { EncryptBody } from '../crypto/encrypt.ts'
import { type UnframedBody, unframedBody } from '../http/unframed-body.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import { CALLBACK_ANSWERS, type CallbackOutcome, REFUSALS } from './callback-answers.ts'
import type { CallbackStore, Placed, ReceivedCallback } from './redis-store.ts'
import { type CountOutcome, lookUp, type TokenDeps, tookMs } from './check-token.ts'
import type { Examine } from './examine-body.ts'
import type { Verdict } from './parse-body.ts'
import type { BodyReading } from './read-body.ts'
import type { Arrival } from './store-callback.ts'

export interface CallbackDeps {
  readonly token: TokenDeps
  readonly store: CallbackStore
  readonly examine: Examine
  readonly seal: EncryptBody
  readonly reading: BodyReading
  readonly counted: CountOutcome
  readonly log: Logger
}

/** What is answered once nothing of the body is in hand. */
export interface Answer {
  readonly outcome: CallbackOutcome
  readonly more?: Readonly<Record<string, unknown>>
  /** Writes the log line. Khipu need not wait for it. */
  readonly log?: () => void
}

/** Examines a body that was read, and stores it. */
export async function receiveCallback(
  deps: CallbackDeps,
  fewAtOnce: LimitFunction,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<Answer> {
  const { capability } = request
  if (capability === null) return { outcome: 'notFound' }
  const unframed = unframedBody(request.raw)
  if (unframed !== undefined) return receiveUnframed(deps, request, reply, capability, unframed)
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const cameAt = deps.reading.cameAt(request) ?? performance.now()
  const examineAndStore = async () => {
    const isEncoded = isEncodedBody(request)
    const examined = await deps.examine(body, isEncoded, capability.requestId)
    const arrival = { capability, body, isEncoded, ...examined }
    return storeAndCount(deps, request, { arrival, cameAt, canWait: true })
  }
  return body.length > LARGE_BYTES ? fewAtOnce(examineAndStore) : examineAndStore()
}

const UNFRAMED: Verdict = {
  type: 'refused',
  status: 400,
  faults: [{ path: '', rule: 'content-length', message: 'must announce its length' }]
}

/** A body without a length may lack its end: it is quarantined, and never read as a callback. */
async function receiveUnframed(
  deps: CallbackDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  capability: Capability,
  unframed: UnframedBody
): Promise<Answer> {
  void reply.header('connection', 'close')
  const body = await unframed.read(request.routeOptions.bodyLimit)
  if (body === null) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
  const sealed = await deps.seal(body, capability.requestId)
  const arrival = { capability, body, isEncoded: false, verdict: UNFRAMED, sealed }
  // Not on the disk: what is drained from there is parsed again, and might pass as a callback.
  const canWait = false
  return storeAndCount(deps, request, { arrival, cameAt: performance.now(), canWait })
}

/** What the answer says is true by then. */
async function storeAndCount(
  deps: CallbackDeps,
  request: FastifyRequest,
  received: Pick<ReceivedCallback, 'arrival' | 'cameAt' | 'canWait'>
): Promise<Answer> {
  const { capability, verdict } = received.arrival
  // The quarantine would keep a refused body whether its request is known or not.
  const mustAsk = verdict.type === 'refused' && request.lookUp === 'later'
  if (mustAsk && (await lookUp(deps.store, request, capability)) === false)
    return { outcome: 'notFound' }
  const { lookUp: asked, askedForMs } = request
  const placed = await deps.store.store({ ...received, lookUp: asked, askedForMs })
  if (placed === null) return counted(deps, request, 'unavailable')
  const { status, id } = placed
  if (status === 'unknown') return { outcome: 'notFound' }
  if (status === 'full') return counted(deps, request, 'tooMany')
  deps.counted(metricOf(placed), tookMs(request), received.arrival.body.length)
  const log = () => logStored(deps, received.arrival, placed)
  if (verdict.type === 'refused') {
    const { faults } = verdict
    return { outcome: REFUSALS[verdict.status], more: { quarantineId: id, faults }, log }
  }
  const outcome = status === 'kept' ? 'late' : status
  return outcome === 'accepted' ? { outcome, more: { receipt: id }, log } : { outcome, log }
}

function counted(deps: CallbackDeps, request: FastifyRequest, outcome: CallbackOutcome): Answer {
  deps.counted(CALLBACK_ANSWERS[outcome].metric, tookMs(request))
  return { outcome }
}

function metricOf(placed: Placed): string {
  if (placed.place === 'disk') return 'spooled'
  return placed.status === 'kept' ? placed.kind : placed.status
}

/** What is on disk has its log line from there. */
function logStored({ log }: CallbackDeps, { capability, body }: Arrival, placed: Placed): void {
  const { requestId, attempt } = capability
  const fields = { requestId, attempt, size: body.length }
  if (placed.place === 'disk') return
  if (placed.status === 'kept') {
    const { kind, id } = placed
    log.warn({ ...fields, kind, quarantineId: id }, 'callback quarantined')
  } else {
    log.info({ ...fields, status: placed.status }, 'callback received')
  }
}

function isEncodedBody({ headers }: FastifyRequest): boolean {
  const codings = (headers['content-encoding'] ?? '').split(',').map((coding) => coding.trim())
  return !codings.every((coding) => coding === '' || coding.toLowerCase() === 'identity')
}
