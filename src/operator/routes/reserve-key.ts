import { createHash } from 'node:crypto'
import stringify from 'safe-stable-stringify'
import type { Idempotency } from '../../ledger/idempotency.ts'
import type { Replicas } from '../../redis/replicas.ts'
import { OperatorError } from '../problem.ts'

export interface ReserveDeps {
  readonly idempotency: Idempotency
  readonly replicas: Replicas
}

const LONGEST = 255

/** The header of an idempotent call, for OpenAPI only. The route checks it and answers a violation with its own problem. */
export function idempotencyHeader(what: string) {
  const description = `1 to ${LONGEST} characters. A repeat by the same token makes no second ${what}: it is answered with the id of the first`
  return {
    type: 'object',
    properties: { 'idempotency-key': { type: 'string', description } }
  } as const
}

interface Call {
  readonly caller: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The id for what a call makes: that of an earlier call with the same Idempotency-Key, or a new one. */
export async function reserveId(
  { idempotency, replicas }: ReserveDeps,
  { caller, headers }: Call,
  body: unknown,
  newId: string
): Promise<string> {
  const key = headers['idempotency-key']
  if (key === undefined) return newId
  if (typeof key !== 'string' || key === '' || key.length > LONGEST) {
    const detail = `Idempotency-Key must have 1 to ${LONGEST} characters`
    throw new OperatorError('invalid-idempotency-key', detail)
  }
  const fingerprint = createHash('sha256')
    .update(stringify(body) ?? '')
    .digest()
  // The key reaches the replicas before anything is made. Otherwise a new primary might have the latter without its key,
  // and a repeated call would make a second one.
  const holder = await replicas.reached(() =>
    idempotency.reserve(caller, key, { requestId: newId, fingerprint })
  )
  if (!fingerprint.equals(holder.fingerprint)) {
    const detail = 'Idempotency-Key was used before, for another body'
    throw new OperatorError('idempotency-key-reused', detail)
  }
  return holder.requestId
}
