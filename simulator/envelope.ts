import type { KhipuError, Payload } from './behaviour.ts'
import type { Settings } from './settings.ts'
import { transactionsOf } from './transactions.ts'

/** The operation and the account that an envelope is about. */
export interface Subject {
  readonly operationId: string
  readonly account: string
}

/** The bytes of a callback or of an immediate answer. */
export function bytesOf(payload: Payload, subject: Subject): Buffer {
  if (payload.kind === 'text') return Buffer.from(payload.text)
  return Buffer.from(JSON.stringify(envelopeOf(payload, subject)))
}

/** The envelope of the 202: accepted, not done. */
export function acknowledgementOf(operationId: string, settings: Settings): Buffer {
  const envelope = {
    OperationId: operationId,
    Status: 'OK',
    Data: acknowledgedData.get(settings.acknowledgementData),
    AdditionalInformation: null,
    Error: null,
    LifeSpan: settings.lifeSpan
  }
  return Buffer.from(JSON.stringify(envelope))
}

/** An envelope with Status ERROR. */
export function errorEnvelope(operationId: string, error: KhipuError): object {
  return { ...blank, OperationId: operationId, Status: 'ERROR', Error: error }
}

// The order of the keys is that of Khipu's sample.
const blank = {
  OperationId: '',
  Status: 'OK',
  Data: null,
  AdditionalInformation: null,
  Error: null,
  LifeSpan: null
}

// undefined leaves the key out of the JSON.
const acknowledgedData = new Map<Settings['acknowledgementData'], object | null | undefined>([
  ['null', null],
  ['{}', {}],
  ['absent', undefined]
])

function envelopeOf(payload: Exclude<Payload, { kind: 'text' }>, subject: Subject): object {
  const { operationId, account } = subject
  const envelope = { ...blank, OperationId: operationId }
  switch (payload.kind) {
    case 'transactions':
      return {
        ...envelope,
        Data: { Transaction: transactionsOf(account, payload.count, payload.variant) },
        AdditionalInformation: payload.additionalInformation ?? null
      }
    case 'data':
      return { ...envelope, Data: payload.data }
    case 'error':
      return errorEnvelope(operationId, payload.error)
    case 'error-without-details':
      return { ...errorEnvelope(operationId, {}), Error: undefined }
  }
}
