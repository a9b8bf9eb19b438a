import {
  DelayedError,
  RateLimitError,
  UnrecoverableError,
  WaitingChildrenError,
  WaitingError
} from 'bullmq'
import { codeOf } from '../redis/connect.ts'

/** With these BullMQ is told what to do with a job: it has to see them as they are. */
const ORDERS = [
  DelayedError,
  RateLimitError,
  UnrecoverableError,
  WaitingChildrenError,
  WaitingError
] as const

/** A handler that failed: BullMQ stores message and stack in the job, so that there is nothing but a code. */
class HandlerFailed extends Error {
  override readonly name = 'HandlerFailed'
  override readonly stack = ''
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** Throws, for what a handler has thrown, an error that holds its code alone, or else its name. */
export function throwCodeOnly(error: unknown): never {
  if (ORDERS.some((order) => error instanceof order)) throw error
  throw new HandlerFailed(error instanceof Error ? codeOf(error) : 'unknown')
}
