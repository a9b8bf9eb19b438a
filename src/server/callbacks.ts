import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Logger } from 'pino'
import { readEnvelope } from '../core/envelope.ts'
import type { Capability } from '../khipu/capability.ts'
import { callbackId } from '../ledger/ids.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Quarantine } from '../ledger/quarantine.ts'
import type { Replicas } from '../ledger/replicas.ts'
import type { Fault, QuarantineKind } from '../schemas/generated.ts'
import { parseJson } from '../schemas/json.ts'
import { check } from '../schemas/validate.ts'
import { countReading, LARGE_BYTES } from './reading.ts'
import { admit, type AdmissionDeps, postpone, refuseUnknown } from './admission.ts'

export interface CallbackDeps extends AdmissionDeps {
  readonly ledger: Pick<Ledger, 'has' | 'receive'>
  readonly quarantine: Pick<Quarantine, 'keep'>
  readonly replicas: Replicas
  readonly jobs: { wake(requestId: string, callbackId: string): Promise<void> }
  readonly log: Logger
}

/** All at once, large bodies would hold each other up on the way to Redis until none is stored in time. */
const MOST_LARGE_AT_ONCE = 3
/** What a body is kept as that is answered with that status. */
const KINDS = { 400: 'not-json', 415: 'not-json', 422: 'schema' } as const
const ENCODED: Fault = {
  path: '',
  rule: 'content-encoding',
  message: 'must come as it is, without a content encoding'
}

/**
 * `POST /callbacks/{capability}`: verify, read, validate, store, answer. No byte of the body is read
 * before the capability is verified, and nothing is answered 2xx before it is stored.
 */
export async function callbackRoute(app: FastifyInstance, deps: CallbackDeps): Promise<void> {
  app.decorateRequest('capability', null)
  const fewAtOnce = pLimit(MOST_LARGE_AT_ONCE)
  const reading = countReading()
  app.post('/callbacks/*', {
    onRequest: async (request, reply) => {
      await admit(deps, request, reply)
      const { requestId } = request.capability ?? {}
      if (requestId === undefined || reading.begin(requestId, request, reply.raw)) return undefined
      return postpone(deps, reply)
    },
    handler: (request, reply) => receive(deps, fewAtOnce, request, reply)
  })
}

async function receive(
  deps: CallbackDeps,
  fewAtOnce: LimitFunction,
  request: FastifyRequest,
  reply: FastifyReply
) {
  const { capability } = request
  if (capability === null) return refuseUnknown(deps, reply)
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  // Never inflated, for a few bytes can be made to fill the memory; and kept, as all that is refused.
  if (isEncoded(request)) return keep(deps, reply, 415, [ENCODED], capability, body)
  return body.length > LARGE_BYTES
    ? fewAtOnce(take, deps, reply, capability, body)
    : take(deps, reply, capability, body)
}

function isEncoded({ headers }: FastifyRequest): boolean {
  const codings = (headers['content-encoding'] ?? '').split(',').map((coding) => coding.trim())
  return !codings.every((coding) => coding === '' || coding.toLowerCase() === 'identity')
}

/** Validates and stores, or keeps; what it answers is true by then. */
async function take(
  deps: CallbackDeps,
  reply: FastifyReply,
  capability: Capability,
  body: Buffer
): Promise<unknown> {
  const parsed = parseJson(body)
  if (!parsed.ok) {
    return keep(deps, reply, 400, [{ path: '', ...parsed.fault }], capability, body)
  }
  const checked = check('khipu-envelope', parsed.value, { list: 'all' })
  if (!checked.valid) return keep(deps, reply, 422, checked.faults, capability, body)
  return store(deps, reply, capability, { outcome: readEnvelope(checked.value), body })
}

async function store(
  deps: CallbackDeps,
  reply: FastifyReply,
  { requestId, attempt }: Capability,
  { outcome, body }: { outcome: ReturnType<typeof readEnvelope>; body: Buffer }
) {
  const id = callbackId(attempt, body)
  const callback = { id, attempt, size: body.length, outcome, httpStatus: null }
  // Both commands travel together; a job without a callback finds nothing to do, and the sweep finds
  // a callback without a job. The answer waits for both, and for the replicas.
  const write = () =>
    Promise.all([deps.ledger.receive(requestId, callback, body), deps.jobs.wake(requestId, id)])
  const [received] = await deps.replicas.reached(write).catch(() => [null])
  if (received === null) return postpone(deps, reply)
  if (received === 'unknown') return refuseUnknown(deps, reply)
  if (received === 'full') return tooMany(deps, reply)
  deps.counted(received)
  deps.log.info({ requestId, attempt, size: body.length, status: received }, 'callback received')
  return received === 'accepted' ? { status: 'accepted', receipt: id } : { status: received }
}

/** Refuses a body, and keeps it byte for byte: Khipu may never send it again. */
async function keep(
  deps: CallbackDeps,
  reply: FastifyReply,
  status: keyof typeof KINDS,
  faults: Fault[],
  { requestId, attempt }: Capability,
  body: Buffer
) {
  const from = { requestId, attempt }
  const kind: QuarantineKind = KINDS[status]
  const quarantineId = await deps.replicas
    .reached(() => deps.quarantine.keep(from, kind, faults, body))
    .catch(() => undefined)
  if (quarantineId === undefined) return postpone(deps, reply)
  if (quarantineId === null) return tooMany(deps, reply)
  deps.counted(kind)
  deps.log.warn(
    { requestId, attempt, size: body.length, kind, quarantineId },
    'callback quarantined'
  )
  return reply.code(status).send({ status: 'refused', quarantineId, faults })
}

/** A capability can be used for so many different bodies; whoever needs more is not Khipu. */
function tooMany(deps: CallbackDeps, reply: FastifyReply) {
  deps.counted('too-many')
  return reply.code(429).header('retry-after', '3600').send({ status: 'too-many' })
}
