import type { FastifyError, FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import type { RawAnswers } from '../http/build-server.ts'
import { OperatorError, PROBLEM_TYPE, problemText, protocolError, sendProblem } from './problem.ts'

/** How the operator listener answers what never reaches Fastify. */
export function bareAnswers(dropped: RawAnswers['dropped']): RawAnswers {
  return {
    tooLong: 414,
    answer: (status) => ({
      type: PROBLEM_TYPE,
      body: problemText(protocolError(status), 'the request could not be read')
    }),
    refused: () => {},
    dropped
  }
}

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
