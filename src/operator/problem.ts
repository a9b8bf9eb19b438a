import type { FastifyError, FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import type { RawAnswers } from '../http/build-server.ts'
import type { Fault, Problem } from '../schemas/generated.ts'

/** Every error of the operator API: its code, which is stable, and its HTTP status. */
export const PROBLEMS = {
  'invalid-json': 400,
  'invalid-idempotency-key': 400,
  'malformed-request': 400,
  'malformed-path': 400,
  'unknown-token': 401,
  'scope-too-narrow': 403,
  'unknown-route': 404,
  'unknown-request': 404,
  'unknown-quarantine-entry': 404,
  'unknown-operation': 404,
  'request-too-slow': 408,
  'state-forbids': 409,
  'attempts-used-up': 409,
  'request-gone': 409,
  'request-delivered': 409,
  'request-ended': 409,
  'body-known': 409,
  'attempt-answered': 409,
  'late-result-known': 409,
  'selection-changed': 409,
  'operation-ended': 409,
  'body-too-large': 413,
  'path-too-long': 414,
  'content-type-not-supported': 415,
  'invalid-input': 422,
  'unknown-cursor': 422,
  'filter-not-supported': 422,
  'selection-required': 422,
  'authorization-required': 422,
  'idempotency-key-reused': 422,
  'body-not-acceptable': 422,
  'too-many-calls': 429,
  'too-many-headers': 431,
  unavailable: 503,
  'too-many-clients': 503,
  'http-version-not-supported': 505
} as const satisfies Readonly<Record<string, number>>

export type ProblemCode = keyof typeof PROBLEMS
type ProblemStatus = (typeof PROBLEMS)[ProblemCode]

export const TITLES: Readonly<Record<ProblemStatus, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  408: 'Too slow',
  409: 'Conflict',
  413: 'Too large',
  414: 'Too long',
  415: 'Unsupported content type',
  422: 'Not processable',
  429: 'Too many calls',
  431: 'Too many headers',
  503: 'Unavailable',
  505: 'HTTP version not supported'
}

/** An expected error of the operator API, thrown by a route and answered as RFC 9457. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
  readonly code: ProblemCode
  readonly faults: readonly Fault[]
  constructor(code: ProblemCode, detail: string, faults: readonly Fault[] = []) {
    super(detail)
    this.code = code
    this.faults = faults
  }
}

/** Answers with a problem document. */
export function sendProblem(
  reply: FastifyReply,
  code: ProblemCode,
  detail: string,
  faults: readonly Fault[] = []
): FastifyReply {
  const status = PROBLEMS[code]
  if (status === 503) void reply.header('retry-after', '5')
  return reply
    .code(status)
    .type(PROBLEM_TYPE)
    .send(problemText(code, detail, faults))
}

export const PROBLEM_TYPE = 'application/problem+json'

/** The problem document as JSON. */
export function problemText(
  code: ProblemCode,
  detail: string,
  faults: readonly Fault[] = []
): string {
  const status = PROBLEMS[code]
  const problem: Problem = {
    type: 'about:blank',
    title: TITLES[status],
    status,
    code,
    detail,
    ...(faults.length === 0 ? {} : { errors: [...faults] })
  }
  return JSON.stringify(problem)
}

/** What Node and Fastify refuse by themselves. */
const PROTOCOL_ERRORS: ReadonlyMap<number, ProblemCode> = new Map([
  [408, 'request-too-slow'],
  [413, 'body-too-large'],
  [414, 'path-too-long'],
  [415, 'content-type-not-supported'],
  [431, 'too-many-headers'],
  [505, 'http-version-not-supported']
])

/** The code of a request that Node or Fastify refused with that HTTP status. */
export function protocolError(httpStatus: number): ProblemCode {
  return PROTOCOL_ERRORS.get(httpStatus) ?? 'malformed-request'
}

/** Answers what never reaches Fastify with a problem document as well. */
export function rawProblems(dropped: () => void): RawAnswers {
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
