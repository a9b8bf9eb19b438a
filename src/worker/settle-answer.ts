import type { Answer, Unreadable } from '../core/answer.ts'
import { applyAnswer } from '../core/transitions/on-send.ts'
import type { EncryptBody } from '../crypto/encrypt.ts'
import type { Advance, Advanced, Step } from '../ledger/advance.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Quarantine } from '../ledger/quarantine/quarantine.ts'
import { type Replicas, untilReached } from '../redis/replicas.ts'

export interface SettleDeps {
  /** Leaves the result of a callback to the handler of its job. */
  readonly advance: Advance
  /** Publishes whatever result there is. */
  readonly settle: Advance
  readonly ledger: Pick<Ledger, 'receive'>
  readonly quarantine: Pick<Quarantine, 'keep'>
  readonly replicas: Replicas
  readonly seal: EncryptBody
}

/** Applies Khipu's answer to an attempt, which came at that instant of `performance.now()`. */
export async function settleAnswer(
  deps: SettleDeps,
  begun: Advanced,
  attempt: number,
  answer: Answer,
  answeredAt: number
): Promise<Advanced | null> {
  const { requestId } = begun.after
  if (answer.type === 'envelope') return settleEnvelope(deps, requestId, attempt, answer)
  if (answer.type === 'ambiguous') await keep(deps, requestId, attempt, answer.unreadable)
  const step: Step = (request, context, { clock }) => {
    // Not before the answer came: no retry may be early. A notification with a later instant came after it.
    const receivedAt = clock.now - Math.floor(clock.askedAt - answeredAt)
    return applyAnswer(request, attempt, answer, context, receivedAt)
  }
  // Nothing but the deadline follows from an acknowledgement, so what was written last is enough to decide.
  return deps.advance(requestId, step, answer.type === 'acknowledged' ? { from: begun.entry } : {})
}

// An envelope is stored before it is applied, like any callback: it may be the paid result.
async function settleEnvelope(
  deps: SettleDeps,
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
  return deps.settle(requestId, (request) => request)
}

// Before the commit of the consequence: after a crash in between, the body is kept, and only once.
async function keep(
  { quarantine, seal }: SettleDeps,
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
