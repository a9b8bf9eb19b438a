import t from 'tap'
import type { RetryCause } from '../../../src/core/error-cause.ts'
import { BUILT_IN_POLICY, type RetryRule } from '../../../src/core/policy.ts'
import { policyWarnings } from '../../../src/core/policy-warnings.ts'
import { HOUR, MINUTE, SECOND } from '../../helpers/given.ts'
import { withRow } from '../../helpers/rules.ts'

t.test('the built-in policy is no concern', async (t) => {
  t.same(policyWarnings(BUILT_IN_POLICY), [])
})

type Row = [cause: RetryCause, what: string, changes: Partial<RetryRule>]
const concerns: Row[] = [
  ['wait-4-hours', 'a shorter wait', { delaysMs: [4 * HOUR - 1] }],
  ['wait-4-hours', 'a shorter wait behind a long one', { delaysMs: [4 * HOUR, HOUR] }],
  [
    'wait-4-hours',
    'a shorter wait, whatever the jitter',
    { delaysMs: [0], jitter: { upToMs: 5 * HOUR } }
  ],
  ['refused-logon', 'two retries', { maxRetries: 2 }],
  ['refused-logon', 'many retries, however slow', { maxRetries: 50, delaysMs: [HOUR] }],
  ['retry-immediately', 'no delay at all', { delaysMs: [0] }],
  ['retry-immediately', 'two without a delay', { delaysMs: [0, 0, MINUTE] }],
  ['retry-immediately', 'no delay at the end, which repeats', { delaysMs: [SECOND, SECOND, 0] }],
  ['retry-immediately', 'no delay, and a jitter', { delaysMs: [0], jitter: { upToMs: MINUTE } }],
  ['temporary', 'no delay at all', { delaysMs: [0] }],
  ['temporary', 'no delay from the second on', { delaysMs: [SECOND, 0] }]
]
for (const [cause, what, changes] of concerns) {
  t.test(`${cause}: ${what} is one sentence, which begins with its row`, async (t) => {
    const [sentence = '', ...others] = policyWarnings(withRow(cause, changes))
    t.ok(sentence.startsWith(`${cause}: `))
    t.same(others, [])
  })
}

const quiet: Row[] = [
  ['wait-4-hours', 'exactly 4 h', { delaysMs: [4 * HOUR], jitter: { share: 0 } }],
  ['wait-4-hours', 'no retry at all', { delaysMs: [0], maxRetries: 0 }],
  ['wait-4-hours', 'a shorter wait that is never used', { delaysMs: [4 * HOUR, 0], maxRetries: 1 }],
  ['refused-logon', 'no retry', { maxRetries: 0 }],
  ['refused-logon', 'one retry at once', { delaysMs: [0], maxRetries: 1 }],
  ['retry-immediately', 'a first retry at once', { delaysMs: [0, 1] }],
  ['retry-immediately', 'one retry at once, and no more', { delaysMs: [0], maxRetries: 1 }],
  ['temporary', 'a first retry at once', { delaysMs: [0, SECOND] }],
  ['temporary', 'as many retries as there may be', { maxRetries: 50 }],
  ['no-callback', 'no delay, for it has waited for its deadline', { delaysMs: [0], maxRetries: 50 }]
]
for (const [cause, what, changes] of quiet) {
  t.test(`${cause}: ${what} is no concern`, async (t) => {
    t.same(policyWarnings(withRow(cause, changes)), [])
  })
}

t.test('each row that disobeys has its own sentence', async (t) => {
  const rule = { delaysMs: [], jitter: { share: 0 }, maxRetries: 9, retryAfterMaxMs: 0 }
  const retry = { ...BUILT_IN_POLICY.retry }
  for (const cause of Object.keys(retry) as RetryCause[]) retry[cause] = rule
  const rows = policyWarnings({ ...BUILT_IN_POLICY, retry }).map((each) => each.split(':')[0])
  t.same(rows, ['retry-immediately', 'refused-logon', 'wait-4-hours', 'temporary'])
})
