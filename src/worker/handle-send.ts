import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Answer, Unreadable } from '../core/answer.ts'
import { latestAttempt } from '../core/request.ts'
import { applyAnswer, awaitsAnswer, beginSending } from '../core/transitions/on-send.ts'
import type { Capabilities } from '../crypto/callback-token.ts'
import type { Authorization, KhipuClient } from '../khipu/client.ts'
import { advance, type AdvanceDeps, type Advanced } from '../ledger/advance.ts'
import type { Catalog } from '../ledger/queries.ts'
import type { Input } from '../ledger/ledger.ts'
import type { Quarantine } from '../ledger/quarantine.ts'
import { NotReplicated, type Replicas } from '../redis/replicas.ts'
import type { EncryptBody } from '../crypto/encrypt.ts'
import type { Handled } from '../queue/consume.ts'
import type { JobData } from '../queue/queues.ts'

export interface SendDeps extends AdvanceDeps {
  readonly catalog: Pick<Catalog, 'now'>
  readonly quarantine: Pick<Quarantine, 'keep'>
  readonly replicas: Replicas
  readonly seal: EncryptBody
  readonly khipu: KhipuClient
  readonly capabilities: Capabilities
  /** The CallbackUrl of a token. */
  readonly callbackUrl: (token: string) => string
  /** The service's own, where a request brings none. */
  readonly authorization: Authorization | null
  readonly requestTimeoutMs: number
  /** False where the callback could not be stored: then nothing is asked that costs money. */
  readonly canStore: () => boolean
  readonly sent: (answer: Answer['type']) => void
  readonly log: Logger
}

const UNTIL_THERE_IS_ROOM_MS = 5_000

/**
 * Sends one attempt. That it is being sent is committed before the first byte goes out, and only the
 * handler whose commit it was sends: whoever finds `sending` in the ledger knows no more than that
 * Khipu may have the request, and awaits its callback.
 */
export async function handleSend(deps: SendDeps, job: JobData): Promise<Handled> {
  const { requestId } = job
  if (!deps.canStore()) return { sleepMs: UNTIL_THERE_IS_ROOM_MS }
  // Before anything is begun: what can't be opened, for want of a key, must not look as if it had been sent.
  if ((await deps.ledger.openInput(requestId)) === null) return undefined
  const bySender = { jobAt: job.at, signedWith: deps.capabilities.keyId }
  const begun = await advance(deps, requestId, (request, context) =>
    beginSending(request, context, deps.requestTimeoutMs, bySender)
  )
  if (begun === null) return undefined
  const attempt = begunAttempt(begun)
  if (attempt === null) return sleepIfEarly(begun, job)
  // Again: it may have been given another authorization in between.
  const input = await deps.ledger.openInput(requestId)
  if (input === null || !(await mayStillSend(deps, begun))) return undefined
  const answer = await post(deps, requestId, attempt, begun.after.service, input)
  deps.sent(answer.type)
  const settled = await settleAnswer(deps, requestId, attempt, answer)
  const { state, reason } = settled?.after ?? begun.after
  const said = 'detail' in answer ? { detail: answer.detail } : {}
  deps.log.info({ requestId, attempt, answer: answer.type, ...said, state, reason }, 'request sent')
  return undefined
}

/**
 * Asked last of all, once the replicas know that this attempt is being sent: a new master that did not would send
 * it again. It must know of this very attempt, for another handler may have begun there with one of that number,
 * at another instant; one that took this process for lost has changed nothing but the state. And Redis may have
 * hung for so long that the deadline would come before the answer.
 */
async function mayStillSend(deps: SendDeps, { after }: Advanced): Promise<boolean> {
  const { replicas, ledger, requestTimeoutMs } = deps
  const begun = latestAttempt(after)
  await untilReached(replicas, async () => {})
  const askedAt = performance.now()
  const entry = await ledger.load(after.requestId)
  if (entry === null || begun === undefined || entry.request.dueAt === null) return false
  const isThisOne =
    awaitsAnswer(entry.request, begun.number) &&
    latestAttempt(entry.request)?.sendingAt === begun.sendingAt
  const answeredAt = entry.now + (performance.now() - askedAt) + requestTimeoutMs
  return isThisOne && answeredAt <= entry.request.dueAt
}

const AGAIN_AFTER_MS = 200

/** Goes on until the replicas have it, if any are awaited; to write again must be as good as once. */
async function untilReached<T>(replicas: Replicas, write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await replicas.reached(write)
    } catch (error) {
      if (!(error instanceof NotReplicated)) throw error
      await pause(AGAIN_AFTER_MS)
    }
  }
}

function begunAttempt({ before, after }: Advanced): number | null {
  const attempt = after.attempts.length
  return attempt > before.attempts.length ? attempt : null
}

/** For how long to sleep on, where the job is the right one and only woke too early: the clocks differ. */
export function sleepIfEarly({ after, now }: Advanced, job: JobData): Handled {
  const early = after.dueAt === job.at && job.at > now
  return early ? { sleepMs: job.at - now } : undefined
}

const NOTHING_TO_SEND_WITH: Answer = {
  type: 'refused',
  httpStatus: null,
  cause: 'unauthorized',
  detail: 'no-authorization'
}

async function post(
  deps: SendDeps,
  requestId: string,
  attempt: number,
  service: string,
  input: Input
): Promise<Answer> {
  const authorization = authorizationOf(input) ?? deps.authorization
  if (authorization === null) return NOTHING_TO_SEND_WITH
  const callbackUrl = deps.callbackUrl(deps.capabilities.sign({ requestId, attempt }))
  const { RequestData: requestData } = input
  return deps.khipu.send({ service, requestData, callbackUrl, authorization })
}

function authorizationOf({ authorization }: Input): Authorization | null {
  if (authorization?.jwt !== undefined) return { jwt: authorization.jwt }
  return authorization?.apiKey === undefined ? null : { apiKey: authorization.apiKey }
}

async function settleAnswer(
  deps: SendDeps,
  requestId: string,
  attempt: number,
  answer: Answer
): Promise<Advanced | null> {
  if (answer.type === 'envelope') return settleEnvelope(deps, requestId, attempt, answer)
  // Before anything else: a notification that comes from here on came after this answer.
  const receivedAt = await deps.catalog.now()
  if (answer.type === 'ambiguous') await keep(deps, requestId, attempt, answer.unreadable)
  return advance(deps, requestId, (request, context) =>
    applyAnswer(request, attempt, answer, context, receivedAt)
  )
}

// An envelope is stored before it is acted on, like any callback: it may be the paid-for result.
async function settleEnvelope(
  deps: SendDeps,
  requestId: string,
  attempt: number,
  answer: Extract<Answer, { type: 'envelope' }>
): Promise<Advanced | null> {
  const { outcome, httpStatus, retryAfterMs, body } = answer
  const sealed = await deps.seal(body, requestId)
  const id = `${attempt}.${sealed.sha256}`
  const callback = { id, attempt, size: sealed.size, outcome, httpStatus, retryAfterMs }
  await untilReached(deps.replicas, () => deps.ledger.receive(requestId, callback, sealed))
  await keep(deps, requestId, attempt, answer.unreadable)
  return advance(deps, requestId, (request) => request)
}

// Before what follows from it is committed: after a crash in between the body is kept, and only once.
async function keep(
  { quarantine, seal }: SendDeps,
  requestId: string,
  attempt: number,
  unreadable: Unreadable | undefined
): Promise<void> {
  if (unreadable === undefined) return
  const { kind, faults, body } = unreadable
  // The mark is for a crash before the commit: what Khipu has answered is not paid for again.
  const sealed = await seal(body, requestId)
  await quarantine.keep({ requestId, attempt, marksAttempt: true }, kind, faults, sealed)
}
