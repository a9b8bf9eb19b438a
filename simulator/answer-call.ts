import { randomUUID } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import type { Answer } from './behaviour.ts'
import { acknowledgementOf, bytesOf, errorEnvelope } from './envelope.ts'
import type { Call } from './history.ts'
import { unauthorized, type RawAnswer } from './raw-answers.ts'
import type { Settings } from './settings.ts'

/** The answer to a call that breaks Khipu's rules: the status and each violation. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly status: 400 | 401 | 404
  readonly violations: readonly string[]
}

/** Answers a call, or fails to as asked; resolves once the answer has left. */
export async function answerCall(
  call: Call,
  answer: Answer | Refusal,
  settings: Settings,
  reply: FastifyReply
): Promise<void> {
  const raw = rawAnswer(answer, call, settings)
  const status = raw?.status ?? null
  call.answer = {
    status,
    note: answer.kind === 'refusal' ? answer.violations.join('; ') : answer.kind
  }
  settings.log(
    `call taken: ${call.scenario ?? 'refused'}, attempt ${call.attempt}, answered ` +
      (status === null || answer.kind === 'refusal' ? call.answer.note : String(status))
  )
  if (raw !== null) return send(raw, reply)
  reply.hijack()
  // A reset, so that the caller sees an error rather than a polite end of the connection.
  if (answer.kind === 'reset') reply.raw.socket?.resetAndDestroy()
}

/** The status and bytes of an answer; null for those that are none. */
function rawAnswer(answer: Answer | Refusal, call: Call, settings: Settings): RawAnswer | null {
  const operationId = call.operationId ?? randomUUID()
  switch (answer.kind) {
    case 'acknowledgement':
      return json(
        202,
        acknowledgementOf(operationId, {
          ...settings,
          lifeSpan: answer.lifeSpan ?? settings.lifeSpan
        })
      )
    case 'envelope':
      return json(answer.status, bytesOf(answer.body, { operationId, account: call.account ?? '' }))
    case 'raw':
      return answer
    case 'refusal':
      return refusal(answer, operationId)
    case 'reset':
    case 'silence':
      return null
  }
}

function refusal({ status, violations }: Refusal, operationId: string): RawAnswer {
  if (status === 401) return unauthorized
  const error = { Code: 'P001', Description: violations.join('; ') }
  return json(status, Buffer.from(JSON.stringify(errorEnvelope(operationId, error))))
}

function json(status: number, body: Buffer): RawAnswer {
  return { kind: 'raw', status, contentType: 'application/json', body }
}

async function send({ status, contentType, body, retryAfter }: RawAnswer, reply: FastifyReply) {
  const left = new Promise((resolve) => reply.raw.once('close', resolve))
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  // Bytes, because Fastify would add a charset to the content type of a text.
  reply.code(status).header('content-type', contentType).send(Buffer.from(body))
  await left
}
