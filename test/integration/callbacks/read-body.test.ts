import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { startBodyThread } from '../../../src/app/body-thread-pool.ts'
import { connectForBodies } from '../../../src/redis/connect.ts'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { connectTo, openParts } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

const MB = 1024 * 1024

async function open(t: Test, changes: Parameters<typeof openPublic>[2] = {}) {
  const service = await openServerService(t)
  const { url, log, queuePrefix, ledgerSettings } = service
  const redis = await connectTo(url, log, connectForBodies)
  const large = await openParts(redis, queuePrefix, log, ledgerSettings)
  t.teardown(async () => {
    await large.queues.close()
    redis.disconnect()
  })
  const { secretKeys } = ledgerSettings
  const threads = startBodyThread({ secretKeys, sealResults: false, bodyValues: 1e6 }, log)
  t.teardown(() => threads.close())
  const { examine } = threads
  const opened = await openPublic(t, service, { large, examine, ...changes })
  const { hostname, port } = new URL(opened.address)
  const tokenOf = async () =>
    service.capabilities.sign({ requestId: await askIn(service, 'awaiting-callback'), attempt: 1 })
  /** Announces a body and waits to be told to go on. */
  const begin = (token: string, how: string) => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.write(
      `POST /callbacks/${token} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${how}\r\n\r\n`
    )
    let heard = ''
    socket.on('data', (data: Buffer) => (heard += data.toString('latin1')))
    return { socket, heard: () => heard }
  }
  return { ...opened, tokenOf, begin }
}

const isLetIn = ({ heard }: { heard: () => string }) => heard().startsWith('HTTP/1.1 100 ')
const of = (megabytes: number) => `Content-Length: ${megabytes * MB}`

t.test('large bodies wait for room before a byte of them is read', async (t) => {
  const { tokenOf, begin, post } = await open(t)
  const tokens = await Promise.all([1, 2, 3, 4].map(tokenOf))
  const [first, second, third, fourth] = await Promise.all(
    tokens.map(async (token) => begin(token, of(10)))
  )
  if (!first || !second || !third || !fourth) throw new Error('there are four')
  const all = [first, second, third, fourth]
  await until('three are let in', () => all.filter(isLetIn).length === 3)
  const body = bytes(ok())
  t.match((await post(await tokenOf(), body)).json, { status: 'accepted' }, 'a small one passes')
  t.equal(all.filter(isLetIn).length, 3)
  all.find(isLetIn)?.socket.destroy()
  await until('the fourth is let in', () => all.filter(isLetIn).length === 4)
  for (const { socket } of all) socket.destroy()
})

t.test('one request holds no more than its share of the room', async (t) => {
  const { tokenOf, begin } = await open(t)
  const [token, other] = [await tokenOf(), await tokenOf()]
  const own = [begin(token, of(8)), begin(token, 'Transfer-Encoding: chunked'), begin(token, of(8))]
  await until('some are let in', () => own.some(isLetIn))
  const another = begin(other, of(10))
  await until('another request goes before', () => isLetIn(another))
  t.not(own.filter(isLetIn).length, 3)
  for (const { socket } of [...own, another]) socket.destroy()
})

t.test('a body above the limit is refused at once, whoever waits', async (t) => {
  const { tokenOf, begin } = await open(t, { bodyLimit: 20 * MB })
  const large = begin(await tokenOf(), of(20))
  await until('it is let in', () => isLetIn(large))
  const tooLarge = begin(await tokenOf(), of(21))
  await until('it is refused', () => /HTTP\/1\.1 413 /.test(tooLarge.heard()))
  large.socket.destroy()
})

t.test('the time for a request counts from when its body may be read', async (t) => {
  const limits = { requestTimeout: 1_000, headersTimeout: 500, connectionsCheckingInterval: 50 }
  const { tokenOf, begin } = await open(t, { limits, bodyLimit: 40 * MB })
  const slow = begin(await tokenOf(), of(40))
  await until('it is let in', () => isLetIn(slow))
  const waiting = begin(await tokenOf(), of(1))
  await until('the slow one is given up', () => /HTTP\/1\.1 408 /.test(slow.heard()))
  await until('the other one is let in', () => isLetIn(waiting))
  await until('and has a limit of its own', () => /HTTP\/1\.1 408 /.test(waiting.heard()))
  await until('it is closed', () => waiting.socket.destroyed)
})

t.test('twenty bodies of 3 MB at once are all stored', async (t) => {
  const { tokenOf, post } = await open(t)
  const body = bytes(ok({ AdditionalInformation: 'x'.repeat(3 * MB) }))
  const tokens = await Promise.all(Array.from({ length: 20 }, tokenOf))
  const answers = await Promise.all(tokens.map((token) => post(token, body)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
})
