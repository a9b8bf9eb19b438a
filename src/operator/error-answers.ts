import type { FastifyError, FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { OperatorError, protocolError, sendProblem } from './problem.ts'

/** Answers an error of a call with a problem document. */
export function answerError(error: FastifyError, reply: FastifyReply, log: Logger) {
  const cause = error as unknown
  if (cause instanceof OperatorError)
    return sendProblem(reply, cause.code, cause.message, cause.faults)
  const { statusCode = 500 } = error
  if (statusCode === 400) return sendProblem(reply, 'invalid-json', 'the body is not JSON')
  if (statusCode < 500) return sendProblem(reply, protocolError(statusCode), error.message)
  log.error({ error: error.name, code: error.code }, 'operator call failed')
  return sendProblem(reply, 'unavailable', 'not possible now: the store did not answer')
}
