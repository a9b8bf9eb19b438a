import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { accountOf, ask, atRest, startWorld, view } from '../../helpers/world.ts'
import { until } from '../../helpers/until.ts'
import { startHere } from '../../helpers/started.ts'

t.test('what is sent to Khipu goes through the proxy of the environment', async (t) => {
  const world = await startWorld(t, { khipu: { callbackDelayMs: 20 } })
  const proxy = await openTunnels(t)
  const service = await startHere(t, world, { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` })
  const requestId = await ask(service, accountOf('1001', 1))
  t.match(await atRest(service, requestId), { state: 'delivered', attempts: 1 })
  t.same(proxy.targets, [new URL(world.env['KHIPU_BASE_URL'] ?? '').host])
})

t.test('nothing goes past a proxy that is dead', async (t) => {
  const world = await startWorld(t)
  const proxy = await openTunnels(t)
  await proxy.close()
  const service = await startHere(t, world, { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` })
  const requestId = await ask(service, accountOf('1001', 1))
  await until('it was tried', async () => (await view(service, requestId)).attempts > 0)
  await until('it failed', async () => {
    const { history } = await view(service, requestId)
    return history.some(({ detail }) => detail === 'ECONNREFUSED')
  })
  t.same(world.khipu.calls, [])
})

/** A proxy that only opens tunnels, and notes to where. */
async function openTunnels(t: Test) {
  const targets: string[] = []
  const server = createServer((client) => {
    client.once('data', (head) => open(client, /^CONNECT (\S+) /.exec(head.toString())?.[1] ?? ''))
    client.on('error', () => {})
  })
  const open = (client: Socket, target: string) => {
    targets.push(target)
    const { hostname, port } = new URL(`http://${target}`)
    const upstream = connect(Number(port), hostname)
    upstream.on('error', () => client.destroy())
    client.write('HTTP/1.1 200 OK\r\n\r\n')
    client.pipe(upstream).pipe(client)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  t.teardown(close)
  return { port, targets, close }
}
