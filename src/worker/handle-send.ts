import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Answer, Unreadable } from '../core/answer.ts'
import { latestAttempt } from '../core/request.ts'
import { applyAnswer, awaitsAnswer, beginSending } from '../core/transitions/on-send.ts'
import type { Capabilities } from '../crypto/callback-token.ts'
import type { Authorization, KhipuClient } from '../khipu/client.ts'
import type { Advance, Advanced } from '../ledger/advance.ts'
import type { Catalog } from '../ledger/queries.ts'
import type { Input, Ledger } from '../ledger/ledger.ts'
import type { Quarantine } from '../ledger/quarantine.ts'
import { NotReplicated, type Replicas } from '../redis/replicas.ts'
import type { EncryptBody } from '../crypto/encrypt.ts'
import type { Handled } from '../queue/consume.ts'
import type { JobData } from '../queue/queues.ts'

export interface SendDeps {
  readonly advance: Advance
  readonly ledger: Pick<Ledger, 'openInput' | 'load' | 'receive'>
  readonly catalog: Pick<Catalog, 'now'>
  readonly quarantine: Pick<Quarantine, 'keep'>
  readonly replicas: Replicas
  readonly seal: EncryptBody
  readonly khipu: KhipuClient
  readonly capabilities: Capabilities
  /** The CallbackUrl for a callback token. */
  readonly callbackUrl: (token: string) => string
  /** The service's own authorization, for requests that bring none. */
  readonly authorization: Authorization | null
  readonly requestTimeoutMs: number
  /** False if the callback could not be stored. Then no paid request is sent. */
  readonly canStore: () => boolean
  readonly sent: (answer: Answer['type']) => void
  readonly log: Logger
}

const UNTIL_THERE_IS_ROOM_MS = 5_000

/**
 * Sends one attempt. The state `sending` is committed before the first byte is sent, and only the handler of that
 * commit sends. Any other handler that finds `sending` in the ledger knows only that Khipu may have the request. It
 * awaits the callback.
 */
export async function handleSend(deps: SendDeps, job: JobData): Promise<Handled> {
  const { requestId } = job
  if (!deps.canStore()) return { sleepMs: UNTIL_THERE_IS_ROOM_MS }
  // Before the attempt begins: an input that cannot be decrypted, for want of a key, must not look sent.
  if ((await deps.ledger.openInput(requestId)) === null) return undefined
  const bySender = { jobAt: job.at, signedWith: deps.capabilities.keyId }
  const begun = await deps.advance(requestId, (request, context) =>
    beginSending(request, context, deps.requestTimeoutMs, bySender)
  )
  if (begun === null) return undefined
  const attempt = begunAttempt(begun)
  if (attempt === null) return sleepIfEarly(begun, job)
  // Decrypted again: the request may have received another authorization meanwhile.
  const input = await deps.ledger.openInput(requestId)
  if (input === null || !(await mayStillSend(deps, begun))) return undefined
  const answer = await post(deps, requestId, attempt, begun.after.service, input)
  deps.sent(answer.type)
  const settled = await settleAnswer(deps, requestId, attempt, answer)
  const { state, reason } = settled?.after ?? begun.after
  const withDetail = 'detail' in answer ? { detail: answer.detail } : {}
  deps.log.info(
    { requestId, attempt, answer: answer.type, ...withDetail, state, reason },
    'request sent'
  )
  return undefined
}

/**
 * The last check before sending, after the replicas have the attempt. A new primary without the attempt would send it
 * again. The primary must have this very attempt. Another handler may have begun an attempt of the same number there,
 * at another instant. A handler that assumed a crash of this process has changed only the state.
 * The deadline is checked too: Redis may have hung for so long that the deadline would precede the answer.
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

const WRITE_AGAIN_AFTER_MS = 200

/** Repeats an idempotent write until the awaited replicas have it. */
async function untilReached<T>(replicas: Replicas, write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await replicas.reached(write)
    } catch (error) {
      if (!(error instanceof NotReplicated)) throw error
      await pause(WRITE_AGAIN_AFTER_MS)
    }
  }
}

function begunAttempt({ before, after }: Advanced): number | null {
  const attempt = after.attempts.length
  return attempt > before.attempts.length ? attempt : null
}

/** How long to delay the job further, if it is the right one and only ran too early: the clocks differ. */
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
  // Read first: a notification with a later instant came after this answer.
  const receivedAt = await deps.catalog.now()
  if (answer.type === 'ambiguous') await keep(deps, requestId, attempt, answer.unreadable)
  return deps.advance(requestId, (request, context) =>
    applyAnswer(request, attempt, answer, context, receivedAt)
  )
}

// An envelope is stored before it is applied, like any callback: it may be the paid result.
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
  return deps.advance(requestId, (request) => request)
}

// Before the commit of the consequence: after a crash in between, the body is kept, and only once.
async function keep(
  { quarantine, seal }: SendDeps,
  requestId: string,
  attempt: number,
  unreadable: Unreadable | undefined
): Promise<void> {
  if (unreadable === undefined) return
  const { kind, faults, body } = unreadable
  // The mark is for a crash before the commit: the service must not pay again for an answer that Khipu already sent.
  const sealed = await seal(body, requestId)
  await quarantine.keep({ requestId, attempt, marksAttempt: true }, kind, faults, sealed)
}
