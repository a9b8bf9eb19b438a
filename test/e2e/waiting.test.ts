import t from 'tap'
import { accountOf, ask, atRest, inState, resultsOf, startWorld, view } from '../helpers/world.ts'

const HOUR = 60 * 60_000
const MOST_JITTER = 5 * 60_000
const world = await startWorld(t, { khipu: { callbackDelayMs: 20 } })
let service = await world.start()

const accounts = Array.from({ length: 12 }, (_, number) => accountOf('1104', number))
const waiting = await Promise.all(
  accounts.map(async (account) => ({ account, requestId: await ask(service, account) }))
)

t.test('WAIT_4_HOURS_BEFORE_RETRY is due after four hours or a little later', async (t) => {
  for (const { account, requestId } of waiting) {
    t.test(account, async (t) => {
      const seen = await inState(service, requestId, 'retry-scheduled')
      t.match(seen, { reason: 'wait-4-hours', attempts: 1 })
      const received = seen.history.find(({ event }) => event === 'callback')?.at ?? ''
      const sent = world.khipu.callbacks.find((one) => one.account === account)?.at ?? ''
      const due = Date.parse(seen.dueAt ?? '')
      t.ok(due - Date.parse(sent) >= 4 * HOUR, 'not a millisecond earlier')
      t.ok(due - Date.parse(received) >= 4 * HOUR, 'counted from the failing answer')
      t.ok(due - Date.parse(received) <= 4 * HOUR + MOST_JITTER)
    })
  }
})

t.test('not all of them are due at the same moment', async (t) => {
  const seen = await Promise.all(waiting.map(({ requestId }) => view(service, requestId)))
  t.ok(new Set(seen.map(({ dueAt }) => dueAt)).size > 1)
})

t.test('a killed process leaves the instant as it was, and sends nothing early', async (t) => {
  const before = await Promise.all(waiting.map(({ requestId }) => view(service, requestId)))
  await service.kill()
  service = await world.start()
  // By the time that this one has run its course, the worker was through with whatever it saw as due.
  const probe = await ask(service, accountOf('1001', 1))
  await atRest(service, probe)
  const after = await Promise.all(waiting.map(({ requestId }) => view(service, requestId)))
  t.same(after, before)
  t.equal(world.khipu.calls.length, waiting.length + 1)
})

t.test('an operator can have one sent at once', async (t) => {
  const [{ requestId } = { requestId: '' }] = waiting
  t.equal((await service.api('POST', `/v1/requests/${requestId}/retry`)).status, 200)
  t.match(await atRest(service, requestId), { state: 'delivered', attempts: 2 })
  t.match((await resultsOf(world, [requestId])).get(requestId), { data: { attempts: 2 } })
})
