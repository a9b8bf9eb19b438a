import { answers, callback, ok, result } from '../behaviour.ts'
import { delivered, parked } from '../scenario-end.ts'
import { emptyAnswer, garbage } from '../raw-answers.ts'
import type { Scenario } from '../scenario.ts'

/** Connections that break, hang, or bring nonsense. */
export const connectionScenarios: readonly Scenario[] = [
  {
    name: 'reset-before',
    prefix: '1601',
    does: 'closes the connection without an answer and has not taken the request, once, then ok',
    ends: delivered(2),
    attempts: [answers({ kind: 'reset' }), ok]
  },
  {
    name: 'reset-after',
    prefix: '1602',
    does: 'closes the connection without an answer, yet the callback comes',
    ends: delivered(),
    attempts: [answers({ kind: 'reset' }, callback(result))]
  },
  {
    name: 'slow-answer',
    prefix: '1603',
    does: 'never answers the POST, yet the callback comes',
    ends: delivered(),
    attempts: [answers({ kind: 'silence' }, callback(result))]
  },
  {
    name: 'garbage',
    prefix: '1604',
    does: 'HTTP 200 with binary garbage and no callback, once, then ok',
    ends: parked('unreadable-answer'),
    afterRelease: delivered(2),
    attempts: [answers(garbage), ok]
  },
  {
    name: 'empty-answer',
    prefix: '1605',
    does: 'HTTP 200 with an empty body and no callback, once, then ok',
    ends: delivered(2),
    attempts: [answers(emptyAnswer), ok]
  },
  {
    name: 'empty-answer-taken',
    prefix: '1606',
    does: 'HTTP 200 with an empty body, yet the callback comes',
    ends: delivered(),
    attempts: [answers(emptyAnswer, callback(result))]
  }
]
