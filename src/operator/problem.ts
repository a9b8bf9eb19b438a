import type { FastifyReply } from 'fastify'
import type { Fault, Problem } from '../schemas/generated.ts'

/** An expected refusal of the operator API, thrown by a route and answered as RFC 9457. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly faults: readonly Fault[]
  constructor(status: number, detail: string, faults: readonly Fault[] = []) {
    super(detail)
    this.status = status
    this.faults = faults
  }
}

const TITLES: ReadonlyMap<number, string> = new Map([
  [400, 'Bad request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not found'],
  [408, 'Too slow'],
  [409, 'Conflict'],
  [413, 'Too large'],
  [414, 'Too long'],
  [415, 'Unsupported content type'],
  [422, 'Not processable'],
  [429, 'Too many calls'],
  [431, 'Too many headers'],
  [503, 'Unavailable'],
  [505, 'HTTP version not supported']
])

/** Answers with a problem document. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  detail: string,
  faults: readonly Fault[] = []
): FastifyReply {
  if (status === 503) void reply.header('retry-after', '5')
  return reply
    .code(status)
    .type(PROBLEM_TYPE)
    .send(problemText(status, detail, faults))
}

export const PROBLEM_TYPE = 'application/problem+json'

export function problemText(status: number, detail: string, faults: readonly Fault[] = []): string {
  const problem: Problem = {
    type: 'about:blank',
    title: TITLES.get(status) ?? 'Error',
    status,
    detail,
    ...(faults.length === 0 ? {} : { errors: [...faults] })
  }
  return JSON.stringify(problem)
}
