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
  [404, 'Not found'],
  [409, 'Conflict'],
  [413, 'Too large'],
  [415, 'Unsupported content type'],
  [422, 'Not processable'],
  [503, 'Unavailable']
])

/** Answers with a problem document. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  detail: string,
  faults: readonly Fault[] = []
): FastifyReply {
  const problem: Problem = {
    type: 'about:blank',
    title: TITLES.get(status) ?? 'Error',
    status,
    detail,
    ...(faults.length === 0 ? {} : { errors: [...faults] })
  }
  if (status === 503) void reply.header('retry-after', '5')
  return reply.code(status).type('application/problem+json').send(JSON.stringify(problem))
}
