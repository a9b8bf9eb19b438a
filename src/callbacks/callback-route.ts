import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import pLimit, { type LimitFunction } from 'p-limit'
import { admit, type AdmissionDeps, DOUBLED_PATH, postpone, refuseUnknown } from './check-token.ts'
import type { Capability } from '../crypto/callback-token.ts'
import type { Arrival, IntakeDeps, Stored } from './store-callback.ts'
import type { Verdict } from './parse-body.ts'
import type { Examine } from './examine-body.ts'
import type { SealBody } from '../crypto/encrypt.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import type { Reading } from './read-body.ts'
import { spool } from './spool-callback.ts'
import { createStoring, type StoreInTime } from './store-in-time.ts'
import { type UnframedBody, unframedBody } from '../http/unframed-body.ts'

export interface CallbackDeps extends AdmissionDeps, IntakeDeps {
  readonly examine: Examine
  readonly seal: SealBody
  readonly reading: Reading
  readonly ledger: AdmissionDeps['ledger'] & IntakeDeps['ledger']
}

/** All at once, large bodies would hold each other up on the way to Redis until none is stored in time. */
const MOST_LARGE_AT_ONCE = 3

/**
 * `POST /callbacks/{capability}`: verify, read, validate, store, answer. No byte of the body is read
 * before the capability is verified, and nothing is answered 2xx before it is stored: in Redis, or, while
 * that can't be, on disk.
 */
export async function callbackRoute(app: FastifyInstance, deps: CallbackDeps): Promise<void> {
  app.decorateRequest('capability', null)
  app.decorateRequest('isKnown', false)
  app.decorateRequest('askedForMs', 0)
  const fewAtOnce = pLimit(MOST_LARGE_AT_ONCE)
  const receiving = { deps, store: createStoring(deps), fewAtOnce }
  const { reading } = deps
  const inHand = new Set<Promise<unknown>>()
  const track = (handling: Promise<unknown>) => {
    inHand.add(handling)
    return handling.finally(() => inHand.delete(handling))
  }
  // The listener closes with its last connection; a callback whose sender has gone has none, and is stored all the same.
  app.addHook('onClose', async () => void (await Promise.allSettled(inHand)))
  for (const path of ['/callbacks/*', DOUBLED_PATH]) {
    app.post(path, {
      onRequest: async (request, reply) => {
        await admit(deps, request, reply)
        const { requestId } = request.capability ?? {}
        if (requestId === undefined) return undefined
        if (await reading.begin(requestId, request, reply.raw)) return undefined
        // Whoever waited has gone: there is nobody to answer.
        return reply.hijack()
      },
      handler: (request, reply) =>
        track(reading.finish(request, () => receive(receiving, request, reply)))
    })
  }
}

interface Receiving {
  readonly deps: CallbackDeps
  readonly store: StoreInTime
  readonly fewAtOnce: LimitFunction
}

async function receive(
  receiving: Receiving,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<unknown> {
  const { deps, fewAtOnce } = receiving
  const { capability } = request
  if (capability === null) return refuseUnknown(deps, reply)
  const unframed = unframedBody(request.raw)
  if (unframed !== undefined) return keepUnframed(receiving, request, reply, capability, unframed)
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const came = { capability, body, at: deps.reading.cameAt(request) ?? performance.now() }
  return body.length > LARGE_BYTES
    ? fewAtOnce(take, receiving, request, reply, came)
    : take(receiving, request, reply, came)
}

interface Came extends Pick<Arrival, 'capability' | 'body'> {
  readonly at: number
}

/** Validates, and stores or keeps; what it answers is true by then. */
async function take(
  { deps, store }: Receiving,
  request: FastifyRequest,
  reply: FastifyReply,
  { capability, body, at }: Came
): Promise<unknown> {
  const isEncoded = isEncodedBody(request)
  const examined = await deps.examine(body, isEncoded, capability.requestId)
  const arrival = { capability, body, isEncoded, ...examined }
  const stored = await store(request, arrival, at)
  if (stored !== null) {
    counts(deps, arrival, stored)
    return answer(deps, reply, arrival, stored)
  }
  const spooled = await spool(deps, arrival)
  if (spooled === null) return postpone(deps, reply)
  if (spooled.status !== 'full') deps.counted('spooled')
  return answer(deps, reply, arrival, spooled)
}

const UNFRAMED: Verdict = {
  type: 'refused',
  status: 400,
  faults: [{ path: '', rule: 'content-length', message: 'must announce its length' }]
}

/** What came of a body without a length may lack its end: it is kept, and never read as a callback. */
async function keepUnframed(
  { deps, store }: Receiving,
  request: FastifyRequest,
  reply: FastifyReply,
  capability: Capability,
  unframed: UnframedBody
): Promise<unknown> {
  void reply.header('connection', 'close')
  const body = await unframed.read(request.routeOptions.bodyLimit)
  if (body === null) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
  const sealed = await deps.seal(body, capability.requestId)
  const arrival = { capability, body, isEncoded: false, verdict: UNFRAMED, sealed }
  const stored = await store(request, arrival, performance.now())
  // Not onto the disk: what is drained from there is judged again, and might pass as a callback.
  if (stored === null) return postpone(deps, reply)
  counts(deps, arrival, stored)
  return answer(deps, reply, arrival, stored)
}

function isEncodedBody({ headers }: FastifyRequest): boolean {
  const codings = (headers['content-encoding'] ?? '').split(',').map((coding) => coding.trim())
  return !codings.every((coding) => coding === '' || coding.toLowerCase() === 'identity')
}

function counts({ counted, log }: CallbackDeps, arrival: Arrival, stored: Stored): void {
  const { requestId, attempt } = arrival.capability
  const { status, id } = stored
  const fields = { requestId, attempt, size: arrival.body.length }
  if (status === 'full' || status === 'unknown') return
  if (status === 'kept') {
    counted(stored.kind)
    log.warn({ ...fields, kind: stored.kind, quarantineId: id }, 'callback quarantined')
  } else {
    counted(status)
    log.info({ ...fields, status }, 'callback received')
  }
}

function answer(deps: CallbackDeps, reply: FastifyReply, { verdict }: Arrival, stored: Stored) {
  const { status, id } = stored
  if (status === 'unknown') return refuseUnknown(deps, reply)
  if (status === 'full') return tooMany(deps, reply)
  if (verdict.type === 'refused') {
    const { faults } = verdict
    return reply.code(verdict.status).send({ status: 'refused', quarantineId: id, faults })
  }
  return status === 'accepted' ? { status, receipt: id } : { status }
}

/** A capability can be used for so many different bodies; whoever needs more is not Khipu. */
function tooMany(deps: CallbackDeps, reply: FastifyReply) {
  deps.counted('too-many')
  return reply.code(429).header('retry-after', '3600').send({ status: 'too-many' })
}
