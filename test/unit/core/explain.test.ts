import t from 'tap'
import { explain } from '../../../src/core/explain/explain.ts'
import { RULE, type Text, WARNING, WHY, WHY_STATE } from '../../../src/core/explain/texts.ts'
import { BUILT_IN_POLICY, type Policy } from '../../../src/core/policy.ts'
import { isOpen, type Reason, type Request, STATES } from '../../../src/core/request.ts'
import { DAY, HOUR, IN_STATE, MINUTE, queued, START } from '../../helpers/given.ts'

const NOW = START + MINUTE
const told = (request: Request, policy: Policy = BUILT_IN_POLICY) =>
  explain(request, policy, NOW, 'en')
const requestIn = (state: Request['state'], changes: Partial<Request> = {}): Request => ({
  ...IN_STATE[state],
  ...changes
})

t.test('every state and every reason is explained, in both languages', async (t) => {
  const reasons: (Reason | null)[] = [null, ...(Object.keys(WHY) as Reason[])]
  for (const state of STATES) {
    for (const reason of reasons) {
      const request = requestIn(state, { reason })
      for (const language of ['en', 'es'] as const) {
        const { why, rule } = explain(request, BUILT_IN_POLICY, NOW, language)
        const text = reason === null ? WHY_STATE[state] : WHY[reason]
        t.ok(why.text.startsWith(text[language]), `${state} ${reason} ${language}`)
        t.equal(why.code, reason ?? state)
        t.match(rule, { row: /^[a-z0-9-]+$/, source: 'built-in', text: /[.]$/ })
      }
    }
  }
})

t.test('each text is a sentence, and the languages differ', async (t) => {
  const made = Object.values(RULE).map((text) => (typeof text === 'function' ? text(2) : text))
  const texts: Text[] = [...Object.values(WHY), ...Object.values(WHY_STATE), ...made]
  for (const { en, es } of [...texts, ...Object.values(WARNING)]) {
    t.match(en, /^[A-Z].*\.$/)
    t.match(es, /^[A-ZÉ].*\.$/)
    t.not(en, es)
  }
})

t.test('why names the code, the attempt and the event', async (t) => {
  const parked = requestIn('parked', { reason: 'credentials', code: 'E101' })
  t.same(told(parked).why, {
    code: 'credentials',
    text: `The bank refused the credentials. (E101, attempt ${parked.attempts.length})`,
    event: parked.history.length - 1
  })
  const { attempts } = parked
  t.match(
    explain(parked, BUILT_IN_POLICY, NOW, 'es').why.text,
    `(E101, intento ${attempts.length})`
  )
  t.match(told({ ...queued(), history: [] }).why, {
    text: 'It waits for a worker to send it.',
    event: null
  })
  t.notMatch(told(requestIn('delivered', { code: 'E999' })).why.text, 'E999')
})

t.test('the rule is the row of the policy that decides', async (t) => {
  const rows: readonly [request: Request, row: string, text: RegExp][] = [
    [requestIn('queued'), 'send', /as soon as a worker/],
    [requestIn('queued', { reason: 'account-busy' }), 'account-busy', /one at a time/],
    [requestIn('retry-scheduled', { reason: 'logon-probe' }), 'logon-probe', /one at a time/],
    [requestIn('sending'), 'deadline', /deadline does/],
    [requestIn('awaiting-callback', { reason: 'ambiguous' }), 'deadline', /deadline does/],
    [requestIn('retry-scheduled', { reason: 'temporary' }), 'temporary', /At most 8 retries/],
    [requestIn('retry-scheduled', { reason: null }), 'send', /as soon as a worker/],
    [requestIn('parked', { reason: 'credentials' }), 'credentials', /at most 7 days/],
    [requestIn('parked', { reason: null }), 'parked', /waits for somebody/],
    [requestIn('failed', { reason: 'expired' }), 'ended', /has ended/]
  ]
  for (const [request, row, text] of rows) t.match(told(request).rule, { row, text })
})

t.test('it says what a policy file has changed', async (t) => {
  const { retry, parkedMaxMs } = BUILT_IN_POLICY
  const policy: Policy = {
    ...BUILT_IN_POLICY,
    retry: { ...retry, temporary: { ...retry.temporary, maxRetries: 3 } },
    parkedMaxMs: { ...parkedMaxMs, credentials: 1.5 * DAY }
  }
  const temporary = requestIn('retry-scheduled', { reason: 'temporary' })
  t.match(told(temporary, policy).rule, { source: 'policy-file', text: /At most 3 retries/ })
  const parked = requestIn('parked', { reason: 'credentials' })
  t.match(told(parked, policy).rule, { source: 'policy-file', text: /at most 1.5 days/ })
  const other = requestIn('parked', { reason: 'unauthorized' })
  t.match(told(other, policy).rule, { source: 'built-in' })
})

t.test('next is what happens by itself, and what happens otherwise', async (t) => {
  const dueAt = NOW + HOUR
  for (const state of ['queued', 'retry-scheduled'] as const) {
    const next = { at: dueAt, what: 'send', otherwise: null }
    t.same(told(requestIn(state, { dueAt })).next, next, state)
  }
  for (const state of ['sending', 'awaiting-callback'] as const) {
    const otherwise = { at: dueAt, what: 'decide', reason: 'no-callback' }
    const next = { at: null, what: 'await-callback', otherwise }
    t.same(told(requestIn(state, { dueAt })).next, next, state)
  }
  const otherwise = { at: dueAt, what: 'fail', reason: 'parked-too-long' }
  t.same(told(requestIn('parked', { dueAt })).next, { at: null, what: 'none', otherwise })
  for (const state of STATES.filter((one) => !isOpen(IN_STATE[one]))) {
    t.same(told(requestIn(state)).next, { at: null, what: 'none', otherwise: null }, state)
  }
  t.match(told(requestIn('queued', { dueAt: null })).next, { what: 'none' })
})

t.test('spent counts what was paid for, and the log-ons that the bank refused', async (t) => {
  const { attempts } = requestIn('parked')
  const [first] = attempts
  const refused = attempts.map((attempt) => ({ ...attempt, refusedLogon: true as const }))
  t.ok(first)
  t.same(told(requestIn('parked', { attempts: refused })).spent, {
    attempts: refused.length,
    mostAttempts: 10,
    logons: refused.length,
    mostLogons: 2
  })
})

t.test('the actions are those that the state allows', async (t) => {
  for (const state of STATES) {
    const request = requestIn(state)
    const [retry, authorization, cancel] = told(request).actions
    t.match(retry, {
      name: 'retry',
      method: 'POST',
      href: `/v1/requests/${request.requestId}/retry`,
      allowed: state === 'parked' || state === 'retry-scheduled'
    })
    t.match(authorization, { name: 'authorization', method: 'PUT', allowed: isOpen(request) })
    t.match(cancel, { name: 'cancel', allowed: isOpen(request) })
  }
  const [first] = requestIn('parked').attempts
  const spent = Array.from({ length: 10 }, () => first).filter((one) => one !== undefined)
  t.match(told(requestIn('parked', { attempts: spent })).actions[0], { allowed: false })
})

t.test('an action warns of what it may do', async (t) => {
  const warningOf = (request: Request, name: string) =>
    told(request).actions.find((action) => action.name === name)?.warning ?? null
  const parked = (changes: Partial<Request>) => warningOf(requestIn('parked', changes), 'retry')
  const refusal = WARNING.refused.en
  t.equal(parked({ reason: 'credentials' }), refusal)
  t.equal(parked({ reason: 'unknown-type' }), null)
  const attempts = requestIn('parked').attempts.map((one) => ({
    ...one,
    refusedLogon: true as const
  }))
  t.equal(parked({ reason: 'unknown-type', attempts: attempts.slice(0, 1) }), refusal)
  const cause = 'unknown-type'
  t.equal(
    parked({ reason: cause, parked: { at: NOW, cause, notBefore: NOW + 1 } }),
    WARNING.early.en
  )
  t.equal(parked({ reason: cause, parked: { at: NOW, cause, notBefore: NOW } }), null)
  const waiting = requestIn('retry-scheduled', {
    reason: 'wait-4-hours',
    dueAt: NOW + HOUR,
    parked: null
  })
  t.equal(warningOf(waiting, 'retry'), WARNING.early.en)
  t.equal(warningOf({ ...waiting, reason: 'refused-logon' }, 'retry'), refusal)
  t.equal(warningOf(requestIn('awaiting-callback'), 'cancel'), WARNING.paid.en)
  t.equal(warningOf(requestIn('queued'), 'cancel'), null)
  t.equal(warningOf(requestIn('delivered'), 'retry'), null, 'none where it is not allowed')
})
