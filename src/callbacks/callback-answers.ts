import type { FastifyReply } from 'fastify'

interface CallbackAnswer {
  readonly httpStatus: number
  /** The `status` of the JSON body. */
  readonly status: string
  /** The label `status` of `khipu_callbacks_total`. */
  readonly metric: string
  readonly headers?: Readonly<Record<string, string>>
}

const CLOSE = { connection: 'close' }
const RETRY_SOON = { 'retry-after': '5', ...CLOSE }

/**
 * What each outcome of a callback is answered. A refused one also carries `quarantineId` and `faults`, and an
 * accepted one its `receipt`. One that breaks off has no answer; it counts as `incomplete`.
 */
export const CALLBACK_ANSWERS = {
  accepted: { httpStatus: 200, status: 'accepted', metric: 'accepted' },
  /** Stored, though its request has ended. */
  late: { httpStatus: 200, status: 'late', metric: 'late' },
  /** The same bytes are stored already. */
  duplicate: { httpStatus: 200, status: 'duplicate', metric: 'duplicate' },
  notJson: { httpStatus: 400, status: 'refused', metric: 'not-json' },
  encoded: { httpStatus: 415, status: 'refused', metric: 'not-json' },
  schema: { httpStatus: 422, status: 'refused', metric: 'schema' },
  /** No valid token, an unknown request, or no such path. */
  notFound: { httpStatus: 404, status: 'not-found', metric: 'not-found', headers: CLOSE },
  tooLarge: { httpStatus: 413, status: 'too-large', metric: 'too-large' },
  /** Too many different bodies for one request. */
  tooMany: {
    httpStatus: 429,
    status: 'too-many',
    metric: 'too-many',
    headers: { 'retry-after': '3600' }
  },
  /** Too many calls without a valid token from one address; `retry-after` depends on the address. */
  rateLimited: { httpStatus: 429, status: 'too-many', metric: 'too-many', headers: CLOSE },
  /** Neither Redis nor the disk can store it now. */
  unavailable: {
    httpStatus: 503,
    status: 'unavailable',
    metric: 'unavailable',
    headers: RETRY_SOON
  },
  /** No HTTP request that can be read, or none that is allowed. */
  malformed: { httpStatus: 400, status: 'refused', metric: 'malformed' }
} as const satisfies Readonly<Record<string, CallbackAnswer>>

export type CallbackOutcome = keyof typeof CALLBACK_ANSWERS

/** The outcome of a body that is refused with that HTTP status. */
export const REFUSALS = { 400: 'notJson', 415: 'encoded', 422: 'schema' } as const

/** Sends the answer of an outcome; counting it is left to the caller, as what is on disk counts as `spooled`. */
export function sendAnswer(
  reply: FastifyReply,
  outcome: CallbackOutcome,
  more: Readonly<Record<string, unknown>> = {}
): FastifyReply {
  const { httpStatus, status, headers }: CallbackAnswer = CALLBACK_ANSWERS[outcome]
  return reply
    .code(httpStatus)
    .headers(headers ?? {})
    .send({ status, ...more })
}

/** The answer to a request that Node or Fastify refused by itself, by its HTTP status. */
export function protocolAnswer(httpStatus: number): CallbackAnswer {
  const { notFound, tooLarge, malformed } = CALLBACK_ANSWERS
  const answer = [notFound, tooLarge].find((one) => one.httpStatus === httpStatus)
  return answer ?? { ...malformed, httpStatus }
}
