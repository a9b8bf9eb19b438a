import type { Answer } from '../../../src/core/answer.ts'
import { classify } from '../../../src/khipu/classify-answer.ts'
import { bytes } from '../../helpers/callbacks.ts'
import { bytesOf, type Said } from './happening.ts'

/** The answer as the client would have read it. */
export function answerOf(said: Said): Answer {
  const http = (status: number, body: Buffer = Buffer.alloc(0), retryAfter?: readonly string[]) =>
    classify({ status, retryAfter, body }, 0)
  switch (said.type) {
    case 'acknowledged':
      return http(202, bytes({ OperationId: 'operation', Status: 'OK', LifeSpan: 'PT20M' }))
    case 'envelope':
      return http(200, bytesOf(said.body))
    case '401':
      return http(401)
    case '400':
      return http(400)
    case '503':
      return http(503, Buffer.alloc(0), ['120'])
    case 'garbage':
      return http(200, Buffer.from('<html>'))
    case 'lost-before':
      return { type: 'temporary', httpStatus: null, retryAfterMs: null, detail: 'ECONNREFUSED' }
    case 'lost-after':
      return { type: 'ambiguous', detail: 'ECONNRESET' }
    case 'dies':
      throw new Error('a dead process gets no answer')
  }
}
