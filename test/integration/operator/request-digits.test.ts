import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createKhipuClient } from '../../../src/khipu/client.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { type Answered, call } from '../../helpers/wire.ts'
import { jobOf, openWorker } from '../../helpers/worker.ts'
import { handleSend } from '../../helpers/handlers.ts'

/** Numbers that a double would change, and one that it would not. */
const NUMBERS =
  '[12345678901234567890,-98765432109876543210,1e400,1E5,0.10,-0.0,1.000,' +
  '0.1234567890123456789,5e-400,1234,{"AccountCredential":12345678901234567891}]'
const RequestData =
  '{"AccountNumber":"000011887755","AccountCredential":{"Pin":12345678901234567890},' +
  `"N":${NUMBERS}}`
const idOf = ({ json }: Answered) => String(Object(json).requestId)

t.test('the digits of RequestData reach Khipu as they came in', async (t) => {
  const { service, bodies, sendNow, ask } = await openAll(t)
  const requestId = idOf(await ask(`{"RequestData":${RequestData}}`))
  await sendNow(requestId)
  t.equal(bodies.length, 1)
  t.ok(bodies[0]?.startsWith(`{"RequestData":${RequestData},"CallbackUrl":`), `sent: ${bodies[0]}`)
  t.match(await service.catalog.find(requestId), { state: 'awaiting-callback' })
})

t.test('they do also where the request gets another authorization', async (t) => {
  const { service, bodies, sendNow, ask, put } = await openAll(t)
  const requestId = idOf(await ask(`{"RequestData":${RequestData}}`))
  const before = (await service.catalog.find(requestId))?.account
  t.equal((await put(`/v1/requests/${requestId}/authorization`, { apiKey: 'another' })).status, 200)
  t.same((await service.catalog.find(requestId))?.account, before, 'and is of the same account')
  await sendNow(requestId)
  t.ok(bodies[0]?.startsWith(`{"RequestData":${RequestData},"CallbackUrl":`), `sent: ${bodies[0]}`)
})

t.test('an Idempotency-Key tells bodies apart that differ in a digit no double has', async (t) => {
  const { ask } = await openAll(t)
  const body = (digit: number) =>
    `{"RequestData":{"AccountNumber":"1","X":1234567890123456789${digit}}}`
  const first = await ask(body(1), 'key-1')
  t.equal(first.status, 202)
  t.equal(idOf(await ask(body(1), 'key-1')), idOf(first))
  t.equal((await ask(body(2), 'key-1')).status, 422)
})

t.test('log-ons that differ in a digit no double has are not the same', async (t) => {
  const { service, ask } = await openAll(t)
  const logonOf = async (pin: string) => {
    const requestId = idOf(
      await ask(`{"RequestData":{"AccountNumber":"1","AccountCredential":{"Pin":${pin}}}}`)
    )
    return (await service.catalog.find(requestId))?.account?.credentials
  }
  const one = await logonOf('12345678901234567890')
  t.type(one, 'string')
  t.equal(await logonOf('12345678901234567890'), one)
  t.not(await logonOf('12345678901234567891'), one)
})

t.test('a number in the place of an object is refused, whatever its digits', async (t) => {
  const { ask } = await openAll(t)
  for (const number of ['7', '12345678901234567890', '1e400']) {
    t.equal((await ask(`{"RequestData":${number}}`)).status, 422)
    t.equal(
      (await ask(`{"RequestData":{"AccountNumber":"1","AccountCredential":${number}}}`)).status,
      422
    )
  }
})

t.test('RequestData may be long, but has 10,000 values at most', async (t) => {
  const { ask } = await openAll(t)
  const long = await ask(`{"RequestData":{"AccountNumber":"1","X":"${'x'.repeat(1_000_000)}"}}`)
  t.equal(long.status, 202)
  const many = (count: number) =>
    ask(`{"RequestData":{"AccountNumber":"1","X":[${Array(count).fill('1e5').join()}]}}`)
  // The body, RequestData, the account number and the array are values as well.
  t.equal((await many(9_996)).status, 202)
  t.match(await many(9_997), {
    status: 422,
    json: { code: 'invalid-input', errors: [{ path: '', rule: 'values' }] }
  })
})

/** A listener for operators, and a Khipu that remembers the bodies it gets. */
async function openAll(t: Test) {
  const service = await openServerService(t)
  const { address, put } = await openAdmin(t, service)
  const { bodies, baseUrl } = await openKhipu(t)
  const khipu = createKhipuClient({ baseUrl, requestTimeoutMs: 20_000 })
  t.teardown(() => khipu.close())
  const ask = (body: string, key?: string) =>
    call(`${address}/v1/requests`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer token-of-ana',
        'content-type': 'application/json',
        ...(key !== undefined && { 'idempotency-key': key })
      },
      body
    })
  const sendNow = async (requestId: string) =>
    handleSend({ ...openWorker(service).deps, khipu }, await jobOf(service, requestId))
  return { service, bodies, ask, put, sendNow }
}

async function openKhipu(t: Test) {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString())
      response.writeHead(202).end('{"OperationId":"o","Status":"OK"}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { bodies, baseUrl: `http://127.0.0.1:${port}` }
}
