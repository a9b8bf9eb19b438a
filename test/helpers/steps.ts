import type { Test } from 'tap'
import type { DecisionContext, RefusedCredentials } from '../../src/core/decide.ts'
import type { Request, State } from '../../src/core/request.ts'
import { type Callback, applyCallbacks } from '../../src/core/transitions/on-callback.ts'
import { beginSending } from '../../src/core/transitions/on-send.ts'
import { at, bare, REQUEST_TIMEOUT, SECOND, START } from './given.ts'

// Single steps of the core, taken in the world of `at`, and what they change.

export const ENDED: readonly State[] = ['delivered', 'failed', 'cancelled']

/** The bank has refused the log-on of another request of the account. */
export const REFUSED: RefusedCredentials = {
  requestId: 'another',
  at: START + SECOND,
  code: 'E101'
}

/** The send handler's step at an instant. */
export function begin(
  request: Request,
  now: number,
  rest: Partial<DecisionContext> = {},
  by: Parameters<typeof beginSending>[3] = {}
): Request {
  return beginSending(request, at(now, rest), REQUEST_TIMEOUT, by)
}

/** The callbacks in hand, acted on at an instant. */
export function fold(
  request: Request,
  callbacks: readonly Callback[],
  now: number,
  rest: Partial<DecisionContext> = {}
): ReturnType<typeof applyCallbacks> {
  return applyCallbacks(request, callbacks, at(now, rest))
}

/** A step has changed these fields and no others, and has added these lines to the history. */
export function changed(
  t: Test,
  [before, after]: readonly [before: Request, after: Request],
  fields: object,
  lines: readonly object[]
): void {
  t.strictSame(bare(after), { ...bare(before), ...fields })
  t.strictSame(after.history.slice(before.history.length), lines)
}

/** The same of a step that only leaves a line in the history. */
export function noted(t: Test, steps: readonly [Request, Request], line: object): void {
  changed(t, steps, {}, [line])
}
