import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { bytes, ok } from '../../helpers/callbacks.ts'
import { openPublic, openServerService } from '../../helpers/listeners.ts'
import { askIn } from '../../helpers/requests.ts'
import { plain } from '../../helpers/senders.ts'
import type { Service } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'
import { hold } from '../../helpers/wire.ts'

// They wait more than they work, so they run side by side.
t.jobs = 4

t.test('a callback on a kept connection is stored while the listener closes', async (t) => {
  const service = await openServerService(t)
  const { app, address, counted } = await openPublic(t, service)
  const requestId = await askIn(service, 'awaiting-callback')
  const path = `/callbacks/${service.capabilities.sign({ requestId, attempt: 1 })}`
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let read = ''
  socket.setEncoding('latin1').on('data', (part) => (read += part))
  await once(socket, 'connect')
  const [first, second] = ['a', 'b'].map((OperationId) => {
    const body = bytes(ok({ OperationId }))
    return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.toString()}`
  })
  socket.write(first ?? '')
  await until('the first is answered', () => read.endsWith('}'))
  t.match(read, /^HTTP\/1\.1 200 .*\r\nconnection: keep-alive\r\n/is)
  read = ''
  // In the middle of a head the connection is not idle, and is not closed.
  socket.write(second?.slice(0, 9) ?? '')
  await pause(100)
  const closed = app.close()
  await until('the listener has closed', () => !app.server.listening)
  socket.write(second?.slice(9) ?? '')
  await once(socket, 'close')
  t.match(read, /^HTTP\/1\.1 200 .*\r\nconnection: close\r\n/is)
  t.same(counted, ['accepted', 'accepted'])
  await closed
})

t.test(
  'a listener closes no sooner than it has stored what a sender that has gone has sent',
  async (t) => {
    const service = await openServerService(t)
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    let asked = 0
    const receive: Service['ledger']['receive'] = async (...received) => {
      asked += 1
      await held
      return service.ledger.receive(...received)
    }
    const ledger = { ...service.ledger, receive }
    const { app, address, counted } = await openPublic(t, service, { ledger })
    const requestId = await askIn(service, 'awaiting-callback')
    const path = `/callbacks/${service.capabilities.sign({ requestId, attempt: 1 })}`
    const socket = await hold(address)
    const body = bytes(ok())
    socket.write(plain(path, body) + body.toString())
    await until('it is being stored', () => asked > 0)
    socket.resetAndDestroy()
    let isClosed = false
    const closing = app.close().then(() => (isClosed = true))
    await pause(200)
    t.notOk(isClosed)
    release()
    await closing
    t.same(counted, ['accepted'])
  }
)

t.test('from the signal on answers close their connections', async (t) => {
  const service = await openServerService(t)
  let isStopping = false
  const { post } = await openPublic(t, service, { isStopping: () => isStopping })
  const requestId = await askIn(service, 'awaiting-callback')
  const token = service.capabilities.sign({ requestId, attempt: 1 })
  t.equal((await post(token, bytes(ok()))).headers.get('connection'), 'keep-alive')
  isStopping = true
  const answer = await post(token, bytes(ok()))
  t.match(answer, { status: 200, json: { status: 'duplicate' } })
  t.equal(answer.headers.get('connection'), 'close')
})
