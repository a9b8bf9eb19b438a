import type { Queue } from 'bullmq'
import t from 'tap'
import { v7 } from 'uuid'
import { bytes, callbackOf, error, ok } from '../../helpers/callbacks.ts'
import { ask, askIn, INPUT } from '../../helpers/requests.ts'
import { openService, type Service } from '../../helpers/service.ts'
import { acceptRequest } from '../../../src/core/new-request.ts'
import { callbackJob, sendJob } from '../../../src/queue/new-jobs.ts'

// Callbacks that arrive in the same turn of the event loop are stored together.

function receive({ ledger }: Service, requestId: string, body: Buffer) {
  const callback = callbackOf(1, body)
  const job = callbackJob(requestId, callback.id)
  return ledger.receive(requestId, callback, body, { job })
}

const nth = (number: number) => bytes(ok({ AdditionalInformation: `${number}` }))

function countScriptCalls({ redis }: Service): { calls: number } {
  const count = { calls: 0 }
  const { sendCommand } = redis
  redis.sendCommand = (...args: Parameters<typeof sendCommand>) => {
    if (args[0].name === 'evalsha') count.calls += 1
    return sendCommand.apply(redis, args)
  }
  return count
}

t.test('each callback of a turn gets its own outcome, from few script calls', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  await receive(service, requestId, nth(0))
  const count = countScriptCalls(service)
  const numbers = Array.from({ length: 20 }, (_, index) => index)
  const outcomes = await Promise.all([
    ...numbers.map((number) => receive(service, requestId, nth(number))),
    receive(service, v7(), nth(1))
  ])
  t.same(outcomes, ['duplicate', ...numbers.slice(1).map(() => 'accepted'), 'unknown'])
  t.equal(count.calls, 3, 'the first one at once, then at most 16 each')
  const pending = (await service.ledger.load(requestId))?.pending ?? []
  t.same(
    pending.map(({ id }) => id),
    numbers.map((number) => callbackOf(1, nth(number)).id),
    'in the order in which they came'
  )
})

t.test('one that can not be stored refuses no other', async (t) => {
  const service = await openService(t)
  const ids = [await ask(service), await ask(service), await ask(service)] as const
  await service.redis.set(`${service.tag}:callbacks:${ids[1]}`, 'no hash')
  const outcomes = await Promise.allSettled(ids.map((id) => receive(service, id, nth(1))))
  t.match(outcomes, [
    { status: 'fulfilled', value: 'accepted' },
    { status: 'rejected', reason: /WRONGTYPE/ },
    { status: 'fulfilled', value: 'accepted' }
  ])
  t.equal((await service.queues.callback.getJobs()).length, 2)
})

t.test('all of them fail where Redis does not get the script', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  service.redis.disconnect()
  const stored = [1, 2, 3].map((number) => receive(service, requestId, nth(number)))
  t.same(
    (await Promise.allSettled(stored)).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected']
  )
})

/** Takes the only job of a queue off, and gives its fields. */
async function takeJob({ redis }: Service, queue: Queue) {
  const [job] = await queue.getJobs()
  const fields = await redis.hgetall(queue.toKey(job?.id ?? ''))
  const opts = JSON.parse(fields['opts'] ?? '') as Record<string, unknown>
  // A script names both elsewhere.
  delete opts['jobId']
  delete opts['delay']
  await job?.remove()
  return { id: job?.id, ...fields, opts, timestamp: fields['timestamp']?.length }
}

t.test('the jobs are those that BullMQ would add', async (t) => {
  const service = await openService(t)
  const { callback, send } = service.queues
  const requestId = await askIn(service, 'awaiting-callback')
  const body = bytes(error('RETRY'))
  await service.jobs.enqueueCallback(requestId, callbackOf(1, body).id)
  const wanted = await takeJob(service, callback)
  await receive(service, requestId, body)
  t.same(await takeJob(service, callback), wanted)

  const now = await service.catalog.now()
  const asked = {
    requestId: v7(),
    service: 'a',
    reference: null,
    account: null,
    authorization: null
  }
  const request = acceptRequest(asked, 'ana', now)
  t.ok(await service.ledger.create(request, INPUT, sendJob(request)))
  t.notOk(await service.ledger.create(request, INPUT, sendJob(request)))
  const added = await takeJob(service, send)
  await service.jobs.ensure(request, now)
  t.same(await takeJob(service, send), added)
})

t.test('a repeat adds a job that was lost, and no second one', async (t) => {
  const service = await openService(t)
  const requestId = await ask(service)
  const waiting = () => service.queues.callback.getWaitingCount()
  await receive(service, requestId, nth(1))
  t.equal(await receive(service, requestId, nth(1)), 'duplicate')
  t.equal(await waiting(), 1)
  await service.queues.callback.obliterate({ force: true })
  t.equal(await receive(service, requestId, nth(1)), 'duplicate')
  t.equal(await waiting(), 1)
  await receive(service, v7(), nth(1))
  t.equal(await waiting(), 1, 'an unknown request gets none')
})
