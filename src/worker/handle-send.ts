import type { Logger } from 'pino'
import type { Answer } from '../core/answer.ts'
import { isToBeSent, latestAttempt } from '../core/request.ts'
import { awaitsAnswer, beginSending } from '../core/transitions/on-send.ts'
import type { Capabilities } from '../crypto/callback-token.ts'
import type { Authorization, KhipuClient } from '../khipu/client.ts'
import type { Advance, Advanced, Step } from '../ledger/advance.ts'
import type { Entry } from '../ledger/load.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Input } from '../ledger/input.ts'
import { latestNow } from '../redis/clock-reading.ts'
import { type Replicas, untilReached } from '../redis/replicas.ts'
import type { Handled } from '../queue/consume.ts'
import type { JobData } from '../queue/queues.ts'
import { settleAnswer, type SettleDeps } from './settle-answer.ts'

export interface SendDeps {
  /** Leaves the result of a callback to the handler of its job. */
  readonly advance: Advance
  readonly ledger: Pick<Ledger, 'inputOf' | 'load'>
  readonly replicas: Replicas
  /** What applies Khipu's answer. */
  readonly settling: SettleDeps
  readonly khipu: KhipuClient
  readonly capabilities: Capabilities
  /** The CallbackUrl for a callback token. */
  readonly callbackUrl: (token: string) => string
  /** The service's own authorization, for requests that bring none. */
  readonly authorization: Authorization | null
  readonly requestTimeoutMs: number
  /** False if the callback could not be stored. Then no paid request is sent. */
  readonly canStore: () => boolean
  /** Counts an answer, with the service that was asked and the duration in ms. */
  readonly sent: (answer: Answer['type'], service: string, tookMs: number) => void
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
  const { begun, input } = await begin(deps, job)
  if (begun === null) return undefined
  const attempt = begunAttempt(begun)
  if (attempt === null) return sleepIfEarly(begun, job)
  if (input === null || !(await mayStillSend(deps, begun))) return undefined
  const { service } = begun.after
  const askedAt = performance.now()
  const answer = await post(deps, requestId, attempt, service, input)
  const answeredAt = performance.now()
  deps.sent(answer.type, service, answeredAt - askedAt)
  const settled = await settleAnswer(deps.settling, begun, attempt, answer, answeredAt)
  const { state, reason } = settled?.after ?? begun.after
  const withDetail = 'detail' in answer ? { detail: answer.detail } : {}
  deps.log.info(
    { requestId, attempt, answer: answer.type, ...withDetail, state, reason },
    'request sent'
  )
  return undefined
}

async function begin(
  { advance, ledger, capabilities, requestTimeoutMs }: SendDeps,
  { requestId, at: jobAt }: JobData
): Promise<{ readonly begun: Advanced | null; readonly input: Input | null }> {
  const found: { input: Input | null } = { input: null }
  const step: Step = (request, context, entry) => {
    // An input that cannot be decrypted, for want of a key, must not look sent.
    found.input = ledger.inputOf(entry)
    const bySender = { jobAt, signedWith: capabilities.keyId }
    return found.input === null
      ? request
      : beginSending(request, context, requestTimeoutMs, bySender)
  }
  const begun = await advance(requestId, step, { withInput: true })
  return { begun, input: found.input }
}

/**
 * The last check before sending. Redis or this process may have hung for so long that the deadline would precede the
 * answer.
 * With ACK_REPLICAS the replicas must have the attempt first: a new primary without it would send it again. Then the
 * primary must have this very attempt. Another handler may have begun an attempt of the same number there, at another
 * instant. A handler that assumed a crash of this process has changed only the state.
 */
async function mayStillSend(deps: SendDeps, { after, entry }: Advanced): Promise<boolean> {
  const { replicas, ledger, requestTimeoutMs } = deps
  if (!replicas.areAwaited) return isInTime(entry, requestTimeoutMs)
  await untilReached(replicas, async () => {})
  const begun = latestAttempt(after)
  const loaded = await ledger.load(after.requestId)
  if (loaded === null || begun === undefined) return false
  const isThisOne =
    awaitsAnswer(loaded.request, begun.number) &&
    latestAttempt(loaded.request)?.sendingAt === begun.sendingAt
  return isThisOne && isInTime(loaded, requestTimeoutMs)
}

function isInTime({ request: { dueAt }, clock }: Entry, requestTimeoutMs: number): boolean {
  return dueAt !== null && latestNow(clock) + requestTimeoutMs <= dueAt
}

function begunAttempt({ before, after }: Advanced): number | null {
  const attempt = after.attempts.length
  return attempt > before.attempts.length ? attempt : null
}

/**
 * How long to delay the job further, if the request still needs this very job. It ran too early, for the clocks differ.
 * Or the next step was found to be due in the same millisecond: a job of the same id can't be added beside this one.
 */
export function sleepIfEarly({ before, after, applied, now }: Advanced, job: JobData): Handled {
  if (after.dueAt !== job.at) return undefined
  if (job.at > now) return { sleepMs: job.at - now }
  const isNew = after !== before || applied.length > 0
  return isNew && isToBeSent(after) ? { sleepMs: 1 } : undefined
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
