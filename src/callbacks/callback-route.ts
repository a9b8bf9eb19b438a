import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Logger } from 'pino'
import type { Capability } from '../crypto/callback-token.ts'
import type { EncryptBody } from '../crypto/encrypt.ts'
import { type UnframedBody, unframedBody } from '../http/unframed-body.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import { CALLBACK_ANSWERS, type CallbackOutcome, REFUSALS, sendAnswer } from './callback-answers.ts'
import type { CallbackStore, Placed, ReceivedCallback } from './redis-store.ts'
import {
  checkToken,
  DOUBLED_PATH,
  lookUpRefused,
  refuseCall,
  type TokenDeps
} from './check-token.ts'
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
  readonly counted: (status: string) => void
  readonly log: Logger
}

/** More large bodies at once would slow each other down on the way to Redis until none is stored in time. */
const MOST_LARGE_AT_ONCE = 3

/**
 * `POST /callbacks/{capability}`: verify, read, validate, store, answer. No byte of the body is read before the token
 * is verified, and no answer is 2xx before the body is stored: in Redis, or, while that can't be, on disk.
 */
export async function callbackRoute(app: FastifyInstance, deps: CallbackDeps): Promise<void> {
  app.decorateRequest('capability', null)
  app.decorateRequest('lookUp', 'failed')
  app.decorateRequest('askedForMs', 0)
  const fewAtOnce = pLimit(MOST_LARGE_AT_ONCE)
  const { reading } = deps
  const inHand = new Set<Promise<unknown>>()
  const track = <T>(handling: Promise<T>) => {
    inHand.add(handling)
    return handling.finally(() => inHand.delete(handling))
  }
  // The listener closes with its last connection. A callback whose sender has gone is stored all the same.
  app.addHook('onClose', async () => void (await Promise.allSettled(inHand)))
  for (const path of ['/callbacks/*', DOUBLED_PATH]) {
    app.post(path, {
      onRequest: async (request, reply) => {
        await checkToken(deps.token, request, reply)
        const { requestId } = request.capability ?? {}
        if (requestId === undefined) return undefined
        if (await reading.begin(requestId, request, reply.raw)) return undefined
        // The sender has gone while it waited: there is nobody to answer.
        return reply.hijack()
      },
      handler: async (request, reply) => {
        const task = () => receive(deps, fewAtOnce, request, reply)
        const { outcome, more } = await track(reading.finish(request, task))
        // The memory of the body is free by now, however slowly the caller reads its answer.
        if (outcome === 'notFound')
          return refuseCall(deps.token, request, reply, { isLookedUp: true })
        return sendAnswer(reply, outcome, more)
      }
    })
  }
}

/** What is answered once nothing of the body is in hand. */
interface Answer {
  readonly outcome: CallbackOutcome
  readonly more?: Readonly<Record<string, unknown>>
}

async function receive(
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
  const askedAt = performance.now()
  const lookUp = await lookUpRefused(deps.store, request.lookUp, received.arrival)
  const askedForMs = request.askedForMs + (performance.now() - askedAt)
  if (lookUp === 'unknown') return { outcome: 'notFound' }
  const placed = await deps.store.store({ ...received, lookUp, askedForMs })
  if (placed === null) return counted(deps, 'unavailable')
  const { status, id } = placed
  if (status === 'unknown') return { outcome: 'notFound' }
  if (status === 'full') return counted(deps, 'tooMany')
  report(deps, received.arrival, placed)
  const { verdict } = received.arrival
  if (verdict.type === 'refused') {
    const { faults } = verdict
    return { outcome: REFUSALS[verdict.status], more: { quarantineId: id, faults } }
  }
  const outcome = status === 'kept' ? 'late' : status
  return outcome === 'accepted' ? { outcome, more: { receipt: id } } : { outcome }
}

function counted(deps: CallbackDeps, outcome: CallbackOutcome): Answer {
  deps.counted(CALLBACK_ANSWERS[outcome].metric)
  return { outcome }
}

/** Counts and logs what was stored. What is on disk has its log line from there. */
function report({ counted, log }: CallbackDeps, { capability, body }: Arrival, placed: Placed) {
  const { requestId, attempt } = capability
  const fields = { requestId, attempt, size: body.length }
  if (placed.place === 'disk') {
    counted('spooled')
  } else if (placed.status === 'kept') {
    counted(placed.kind)
    const { kind, id } = placed
    log.warn({ ...fields, kind, quarantineId: id }, 'callback quarantined')
  } else {
    counted(placed.status)
    log.info({ ...fields, status: placed.status }, 'callback received')
  }
}

function isEncodedBody({ headers }: FastifyRequest): boolean {
  const codings = (headers['content-encoding'] ?? '').split(',').map((coding) => coding.trim())
  return !codings.every((coding) => coding === '' || coding.toLowerCase() === 'identity')
}
