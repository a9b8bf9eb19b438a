import { randomUUID } from 'node:crypto'
import { beginSending, applyAnswer } from '../../src/core/transitions/on-send.ts'
import { callbackId } from '../../src/crypto/callback-id.ts'
import type { Outcome } from '../../src/core/envelope.ts'
import { createCipher, encryptInline } from '../../src/crypto/encrypt.ts'
import { type BodyKind, bodyOf } from '../load/bodies.ts'
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
  const kind: BodyKind = isResult
    ? { kind: 'callback', bytes: 1_000 }
    : { kind: 'error', errorType: answer }
  await receiveCallbacks(ledger, ids, kind)
  await applyCallbacks(ledger, ids)
}

/** Stores a callback for each request. No job to apply it is added. */
export async function receiveCallbacks(
  { ledger }: Ledger,
  ids: readonly string[],
  kind: BodyKind
): Promise<void> {
  const outcome: Outcome =
    kind.kind === 'error'
      ? { type: 'error', errorType: kind.errorType, code: 'B100', operationId: null }
      : { type: 'result', completeness: 'complete', operationId: null }
  const { head, tail, newId } = bodyOf(kind)
  await manyTimes(ids.length, async (index) => {
    const body = Buffer.concat([Buffer.from(head + newId()), tail])
    const callback = { id: callbackId(1, body), attempt: 1, size: body.length, outcome }
    await ledger.receive(ids[index] ?? '', { ...callback, httpStatus: null }, body)
  })
}

/** Applies the stored callback of each request. A result is published. */
export async function applyCallbacks({ advance }: Ledger, ids: readonly string[]): Promise<void> {
  await manyTimes(ids.length, async (index) => advance(ids[index] ?? '', (request) => request))
}

/** Keeps a body for each request that is no JSON. */
export async function keepInQuarantine(
  { config, quarantine }: Ledger,
  ids: readonly string[],
  bytes: number
): Promise<void> {
  const seal = encryptInline(createCipher(config.secretKeys))
  await manyTimes(ids.length, async (index) => {
    const requestId = ids[index] ?? ''
    const sealed = seal(Buffer.from(`${index} `.padEnd(bytes, 'x')), requestId)
    await quarantine.keep({ requestId, attempt: 1 }, 'not-json', [], sealed)
  })
}
