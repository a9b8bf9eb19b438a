import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { freePort } from '../../../simulator/free-port.ts'
import { until } from '../../helpers/until.ts'
import { type Fate, inBody, startProxy } from './proxy.ts'

const REQUEST = 'POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789'

/** A server that says `<what it heard>` once the client is done, behind a proxy; and a client of it. */
async function joined(t: Test, fate: Fate) {
  const port = await freePort()
  const heard: Buffer[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => {
      heard.push(chunk)
      if (Buffer.concat(heard).length === REQUEST.length) socket.write('answer')
    })
    socket.on('end', () => socket.end('end'))
    socket.on('error', () => {})
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await startProxy(`tcp://127.0.0.1:${port}`, () => fate)
  const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  t.teardown(() => {
    client.destroy()
    proxy.close()
    server.close()
  })
  await once(client, 'connect')
  return { proxy, client, heard: () => Buffer.concat(heard).toString() }
}

async function said(client: Socket): Promise<string> {
  const [chunk] = (await once(client, 'data')) as [Buffer]
  return chunk.toString()
}

/** Resolves once the client has lost its connection. */
function closed(client: Socket): Promise<unknown> {
  return new Promise((resolve) => client.once('close', resolve))
}

t.test('what nothing befalls goes through, both ways and to the end', async (t) => {
  const { client, heard, proxy } = await joined(t, {})
  client.write(REQUEST)
  t.equal(await said(client), 'answer')
  client.end()
  t.equal(await said(client), 'end')
  await once(client, 'end')
  t.equal(heard(), REQUEST)
  t.equal(proxy.harms, 0)
})

t.test('a cut in the middle of a body lets through what is before it', async (t) => {
  const { client, heard, proxy } = await joined(t, { up: { after: inBody(0.5), how: 'reset' } })
  client.write(REQUEST)
  await closed(client)
  await until('all of it has arrived', () => heard() === REQUEST.slice(0, -5), 5000)
  t.equal(proxy.harms, 1)
})

t.test('a cut answer follows on a whole request', async (t) => {
  const { client, heard } = await joined(t, { down: { after: 3, how: 'reset' } })
  client.write(REQUEST)
  t.equal(await said(client), 'ans')
  await closed(client)
  t.equal(heard(), REQUEST)
})

t.test('what is half-closed still goes the other way', async (t) => {
  const { client } = await joined(t, { up: { after: REQUEST.length, how: 'half-close' } })
  client.write(REQUEST)
  const chunks: string[] = []
  client.on('data', (chunk) => chunks.push(chunk.toString()))
  await once(client, 'end')
  t.equal(chunks.join(''), 'answerend')
})

t.test('what has fallen silent says nothing, and stays open', async (t) => {
  const { client, heard, proxy } = await joined(t, {})
  proxy.silenceAll()
  client.write(REQUEST)
  // Nothing can be waited for where nothing is to come.
  await pause(100)
  t.equal(heard(), '')
  t.equal(client.readyState, 'open')
})

t.test('what is held goes on once it is let go, in its order', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { client, heard } = await joined(t, { hold: () => promise })
  client.write(REQUEST.slice(0, 7))
  await pause(20)
  client.write(REQUEST.slice(7))
  t.equal(heard(), '')
  resolve()
  t.equal(await said(client), 'answer')
  t.equal(heard(), REQUEST)
})

t.test('all that is open can be broken off', async (t) => {
  const { client, proxy } = await joined(t, {})
  client.write(REQUEST)
  await said(client)
  proxy.resetAll()
  await closed(client)
  t.equal(proxy.harms, 1)
})
