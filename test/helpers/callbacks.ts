import type { Callback } from '../../src/core/transitions/on-callback.ts'
import { readEnvelope } from '../../src/core/envelope.ts'
import { callbackId } from '../../src/crypto/callback-id.ts'
import type { Received } from '../../src/ledger/scripts.ts'
import type { KhipuEnvelope } from '../../src/schemas/generated.ts'
import type { Service } from './service.ts'

/** A good envelope, as Khipu's page shows it. */
export function ok(changes: Partial<KhipuEnvelope> = {}): KhipuEnvelope {
  return {
    OperationId: '6baf6c19-e485-463b-ae24-a821b025c8a4',
    Status: 'OK',
    Data: { Transaction: [{ AccountId: '873458', Amount: {} }] },
    AdditionalInformation: null,
    Error: null,
    LifeSpan: null,
    ...changes
  }
}

/** An envelope with an error of that Type. */
export function error(type: string | undefined, code = 'E201'): KhipuEnvelope {
  const Type = type === undefined ? {} : { Type: type }
  return ok({ Status: 'ERROR', Data: null, Error: { Code: code, Description: 'text', ...Type } })
}

export function bytes(envelope: unknown): Buffer {
  return Buffer.from(JSON.stringify(envelope))
}

/** The callback that a body is on an attempt's capability. */
export function callbackOf(attempt: number, body: Buffer): Omit<Callback, 'receivedAt'> {
  const outcome = readEnvelope(JSON.parse(body.toString()) as KhipuEnvelope)
  return { id: callbackId(attempt, body), attempt, size: body.length, outcome, httpStatus: null }
}

/** Stores an envelope in the ledger as the public listener does, without waking anybody. */
export function receive(
  service: Service,
  requestId: string,
  envelope: unknown,
  attempt = 1
): Promise<Received> {
  const body = bytes(envelope)
  return service.ledger.receive(requestId, callbackOf(attempt, body), body)
}

/** Every job of the downstream queue. */
export async function resultsOf(service: Service) {
  const jobs = await service.resultQueue.getJobs()
  return jobs.map(({ id = '', name, data }) => ({
    id,
    name,
    data: data as Record<string, unknown>
  }))
}
