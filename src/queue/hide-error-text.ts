import {
  DelayedError,
  RateLimitError,
  UnrecoverableError,
  WaitingChildrenError,
  WaitingError
} from 'bullmq'
import { redisErrorCode } from '../redis/connect.ts'

/** Errors that tell BullMQ what to do with a job. BullMQ must receive them unchanged. */
const ORDERS = [
  DelayedError,
  RateLimitError,
  UnrecoverableError,
  WaitingChildrenError,
  WaitingError
] as const

/**
 * The error of a failed handler. BullMQ stores message and stack in the job, so the message is a code and the stack
 * empty.
 */
class HandlerFailed extends Error {
  override readonly name = 'HandlerFailed'
  override readonly stack = ''
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** Throws an error with only the code of the handler's error, or with its name if it has no code. */
export function throwCodeOnly(error: unknown): never {
  if (ORDERS.some((order) => error instanceof order)) throw error
  throw new HandlerFailed(error instanceof Error ? redisErrorCode(error) : 'unknown')
}
