import t from 'tap'
import { call } from '../helpers/service-process.ts'
import { startWorker } from '../helpers/start-worker.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, inState, metric, resultsOf, startWorld } from '../helpers/world.ts'

// An odd field refuses no result that was paid for: it is delivered, and whoever publishes it counts.

const world = await startWorld(t)
const server = await world.start({ ROLE: 'server' })
const worker = await startWorker(world)

const ODD = { TransactionId: 4711, Amount: '15000', AddressLine: ['A', 'B'], Balance: null }
const envelope = (OperationId: unknown) => ({
  OperationId,
  Status: 'OK',
  Data: { Transaction: [{ AccountId: '1' }, ODD] }
})
const DEVIATIONS = ['TransactionId', 'AddressLine', 'Amount'].map((field) => ({
  path: `/Data/Transaction/1/${field}`,
  rule: 'type'
}))
const COUNTS = DEVIATIONS.map(({ path }) => [`field="${path.replace('/1/', '/')}",rule="type"`, 1])

/** A request that awaits its callback, and the CallbackUrl that Khipu was told. */
async function awaiting(number: number) {
  const account = accountOf('1205', number)
  const requestId = await ask(server, account)
  await inState(server, requestId, 'awaiting-callback')
  const { callbackUrl = null } = world.khipu.calls.find((each) => each.account === account) ?? {}
  if (callbackUrl === null) throw new Error('Khipu was told no CallbackUrl')
  const send = (body: unknown) =>
    call<{ quarantineId: string }>(callbackUrl, { method: 'POST', body: JSON.stringify(body) })
  return { requestId, send }
}

t.test(
  'a callback with odd fields is delivered untouched, and the worker counts them',
  async (t) => {
    const { requestId, send } = await awaiting(1)
    t.match(await send(envelope('1')), { status: 200, body: { status: 'accepted' } })
    const result = (await resultsOf(world, [requestId])).get(requestId)
    t.match(result, { name: 'delivered', data: { response: envelope('1') } })
    t.same(new Set(result?.data.deviations), new Set(DEVIATIONS))
    const counted = await until('the worker has counted', async () => {
      const found = await metric(worker, 'khipu_deviations_total')
      return found.size > 0 ? found : null
    })
    t.same(new Map(counted), new Map(COUNTS as [string, number][]))
    t.equal((await metric(server, 'khipu_deviations_total')).size, 0)
  }
)

t.test(
  'a broken envelope is delivered by force alone, and the worker counts it, too',
  async (t) => {
    const { requestId, send } = await awaiting(2)
    const refused = await send(envelope(7))
    t.match(refused, { status: 422, body: { faults: [{ path: '/OperationId', rule: 'type' }] } })
    const path = `/v1/quarantine/${refused.body.quarantineId}/accept`
    t.equal((await server.api('POST', path)).status, 422)
    t.equal((await server.api('POST', path, { force: true })).status, 200)
    const result = (await resultsOf(world, [requestId])).get(requestId)
    t.match(result, { name: 'delivered', data: { response: envelope(7) } })
    t.same(new Set(result?.data.deviations), new Set(DEVIATIONS))
    const twice = new Map(COUNTS.map(([labels]) => [labels, 2]))
    await until('the worker has counted', async () => {
      const counted = await metric(worker, 'khipu_deviations_total')
      return [...counted.values()].every((count) => count === 2)
    })
    t.same(new Map(await metric(worker, 'khipu_deviations_total')), twice)
    t.equal((await metric(server, 'khipu_deviations_total')).size, 0)
  }
)
