import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction
} from 'fastify'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Capability } from '../crypto/callback-token.ts'
import { sendAnswer } from './callback-answers.ts'
import { checkToken, DOUBLED_PATH, refuseCall } from './check-token.ts'
import type { BodyReading } from './read-body.ts'
import { type CallbackDeps, receiveCallback } from './receive-callback.ts'

/** More large bodies at once would slow each other down on the way to Redis until none is stored in time. */
const MOST_LARGE_AT_ONCE = 3

/**
 * `POST /callbacks/{capability}`: verify, read, validate, store, answer. No byte of the body is read before the token
 * is verified, and no answer is 2xx before the body is stored: in Redis, or, while that can't be, on disk.
 */
export async function callbackRoute(app: FastifyInstance, deps: CallbackDeps): Promise<void> {
  app.decorateRequest('capability', null)
  app.decorateRequest('lookUp', 'later')
  app.decorateRequest('askedForMs', 0)
  const fewAtOnce = pLimit(MOST_LARGE_AT_ONCE)
  const { reading } = deps
  const inHand = new Set<Promise<void>>()
  // The listener closes with its last connection. A callback whose sender has gone is stored all the same.
  app.addHook('onClose', async () => void (await Promise.allSettled(inHand)))
  for (const path of ['/callbacks/*', DOUBLED_PATH]) {
    app.post(path, {
      onRequest: (request, reply, done) => {
        const begin = ({ requestId }: Capability) =>
          beginReading(reading, requestId, request, reply, done)
        const checked = checkToken(deps.token, request, reply)
        if (!(checked instanceof Promise)) return begin(checked)
        checked.then((capability) => capability && begin(capability), done)
      },
      handler: (request, reply) => {
        const handling = answerCallback(deps, fewAtOnce, request, reply)
          .catch((error: unknown) => void reply.send(error))
          .finally(() => inHand.delete(handling))
        inHand.add(handling)
      }
    })
  }
}

/** Lets the body be read once there is room for it. Most bodies do not wait, and cost no promise. */
function beginReading(
  reading: BodyReading,
  requestId: string,
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction
): void {
  const hasRoom = reading.begin(requestId, request, reply.raw)
  const go = (isIn: boolean) => {
    if (isIn) done()
    // The sender has gone while it waited: there is nobody to answer.
    else reply.hijack()
  }
  if (typeof hasRoom === 'boolean') go(hasRoom)
  else hasRoom.then(go, done)
}

/** The memory of the body is free before its answer is sent, however slowly the caller reads that. */
async function answerCallback(
  deps: CallbackDeps,
  fewAtOnce: LimitFunction,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const free = deps.reading.work(request)
  const { outcome, more, log } = await receiveCallback(deps, fewAtOnce, request, reply).finally(
    free
  )
  if (outcome === 'notFound') {
    await refuseCall(deps.token, request, reply, { isLookedUp: true })
  } else {
    sendAnswer(reply, outcome, more)
    log?.()
  }
}
