import { randomUUID } from 'node:crypto'
import { beginSending, applyAnswer } from '../../src/core/transitions/on-send.ts'
import { callbackId } from '../../src/crypto/callback-id.ts'
import type { Outcome } from '../../src/core/envelope.ts'
import { bodyOf } from '../load/bodies.ts'
import { createRequests, type Ledger, manyTimes } from './fill.ts'

export const REQUEST_TIMEOUT_MS = 190_000

/**
 * Creates so many requests and takes them to `awaiting-callback` by the steps of the sending handler. No job to send
 * them is added, so that a running worker leaves them alone.
 */
export async function createAwaiting(ledger: Ledger, count: number): Promise<string[]> {
  const ids = await createRequests(ledger, count, false)
  const { keyId } = ledger.capabilities
  await manyTimes(count, async (index) => {
    const id = ids[index] ?? ''
    await ledger.advance(id, (request, context) =>
      beginSending(request, context, REQUEST_TIMEOUT_MS, { signedWith: keyId })
    )
    const answer = {
      type: 'acknowledged',
      httpStatus: 202,
      operationId: randomUUID(),
      lifeSpan: null
    } as const
    await ledger.advance(id, (request, context) => applyAnswer(request, 1, answer, context))
  })
  return ids
}

type ErrorType = 'WAIT_4_HOURS_BEFORE_RETRY' | 'RETRY_AFTER_NOTIFICATION'

/** Stores a callback for each request and applies it, as the worker does. A result, of 1 KB, is published. */
export async function callBack(
  ledger: Ledger,
  ids: readonly string[],
  answer: 'result' | ErrorType
): Promise<void> {
  const isResult = answer === 'result'
  const outcome: Outcome = isResult
    ? { type: 'result', completeness: 'complete', operationId: null }
    : { type: 'error', errorType: answer, code: 'B100', operationId: null }
  const { head, tail, newId } = bodyOf(
    isResult ? { kind: 'callback', bytes: 1_000 } : { kind: 'error', errorType: answer }
  )
  await manyTimes(ids.length, async (index) => {
    const id = ids[index] ?? ''
    const body = Buffer.concat([Buffer.from(head + newId()), tail])
    const callback = { id: callbackId(1, body), attempt: 1, size: body.length, outcome }
    await ledger.ledger.receive(id, { ...callback, httpStatus: null }, body)
    await ledger.advance(id, (request) => request)
  })
}
