import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { until } from '../../helpers/until.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

// A Redis that answers when it is asked for a request, and never again.

const LARGE = { ...ok(), Data: { Transaction: [{ AccountId: 'x'.repeat(600_000) }] } }

async function open(t: Test) {
  const service = await openServerService(t)
  const asked: string[] = []
  const receive = (requestId: string) => {
    asked.push(requestId)
    return new Promise<never>(() => {})
  }
  const opened = await openPublic(t, service, { ledger: { ...service.ledger, receive } })
  const send = async (envelope: object) => {
    const requestId = await askIn(service, 'awaiting-callback')
    const token = service.capabilities.sign({ requestId, attempt: 1 })
    return opened.post(token, bytes(envelope))
  }
  return { send, asked }
}

t.test('a callback that hangs in Redis is answered all the same', async (t) => {
  const { send } = await open(t)
  const answer = await send(ok())
  t.match(answer, { status: 503, json: { status: 'unavailable' } })
  t.equal(answer.headers.get('retry-after'), '5')
})

t.test('what waited for its turn behind some that hung does not hang as well', async (t) => {
  const { send, asked } = await open(t)
  const answers = await Promise.all(Array.from({ length: 6 }, () => send(LARGE)))
  t.same(
    answers.map(({ status }) => status),
    Array(6).fill(503)
  )
  t.equal(asked.length, 3)
  void send(LARGE)
  await until('what comes later is tried again', () => asked.length === 4)
})

t.test('what Redis has taken to know the request is a part of its patience, once', async (t) => {
  const service = await openServerService(t)
  const passed: string[] = []
  // Of 1.8 s half are left: none would be if they counted twice, and all of them if they did not count.
  const has = () => pause(900, true)
  const receive = () => {
    for (const ms of [500, 1_600]) setTimeout(() => passed.push(`${ms} ms`), ms)
    return new Promise<never>(() => {})
  }
  const { post } = await openPublic(t, service, { ledger: { ...service.ledger, has, receive } })
  const requestId = await askIn(service, 'awaiting-callback')
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  // For a smaller body it is not asked before.
  const body = bytes(ok({ AdditionalInformation: 'x'.repeat(70_000) }))
  t.equal((await post(token, body)).status, 503)
  t.same(passed, ['500 ms'])
})
