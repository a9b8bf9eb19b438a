import { acknowledges, callback, never, ok, result } from '../behaviour.ts'
import { delivered, failed } from '../scenario-end.ts'
import type { Scenario } from '../scenario.ts'

/** Callbacks that come at an awkward moment, or not at all. */
export const timingScenarios: readonly Scenario[] = [
  {
    name: 'slow',
    prefix: '1201',
    does: 'calls back after the slow delay',
    ends: delivered(),
    attempts: [acknowledges(callback(result, { wait: 'slow' }))]
  },
  {
    name: 'early',
    prefix: '1202',
    does: 'calls back, and reads the answer, before it answers 202',
    ends: delivered(),
    attempts: [acknowledges(callback(result, { wait: 'none', beforeAnswer: true }))]
  },
  {
    name: 'late',
    prefix: '1203',
    does: "calls back after the late delay, to be set between one and two of the receiver's deadlines",
    ends: delivered(2),
    attempts: [acknowledges(callback(result, { wait: 'late' }))]
  },
  {
    name: 'too-late',
    prefix: '1204',
    does: 'two attempts without a callback, then one after the late delay, when the request has failed',
    ends: failed('no-callback', 3),
    attempts: [never, never, acknowledges(callback(result, { wait: 'late' }))]
  },
  {
    name: 'never',
    prefix: '1205',
    does: '202, but no callback, every time',
    ends: failed('no-callback', 3),
    attempts: [never]
  },
  {
    name: 'never-once',
    prefix: '1206',
    does: '202, but no callback for the first attempt, then ok',
    ends: delivered(2),
    attempts: [never, ok]
  },
  {
    name: 'late-answers-older-attempt',
    prefix: '1207',
    does: 'the callback of an attempt comes only after the next attempt was requested',
    ends: delivered(2),
    attempts: [never, acknowledges(callback(result, { ofPreviousAttempt: true }))]
  }
]
