import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import t from 'tap'
import { WorkingSentinelConnector } from '../../src/redis/ioredis-workarounds.ts'
import { redisUrl } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

// A Sentinel of ours, which tells of a new master at the worst moment: while it is asked for the master.

const master = new URL(redisUrl())
const port = master.port || '6379'
const name = 'khipu-master'
const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
const told = (text: string) => `*3\r\n${bulk('message')}${bulk('+switch-master')}${bulk(text)}`

async function openSentinel() {
  const listeners = new Set<Socket>()
  const heard: string[] = []
  let isSlow = false
  const asked: (() => void)[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const text = data.toString().toLowerCase()
      heard.push(text)
      if (text.includes('get-master-addr')) {
        const answer = () => socket.write(`*2\r\n${bulk(master.hostname)}${bulk(port)}`)
        if (isSlow) asked.push(answer)
        else answer()
      } else if (text.includes('subscribe')) {
        listeners.add(socket)
        socket.write(`*3\r\n${bulk('subscribe')}${bulk('+switch-master')}:1\r\n`)
      } else if (text.includes('sentinels')) socket.write('*0\r\n')
      else if (text.includes('hello')) socket.write('-ERR unknown command HELLO\r\n')
      else socket.write('+OK\r\n'.repeat(text.split('client').length - 1 || 1))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  t.teardown(() => server.close())
  return {
    port: address.port,
    heard,
    listeners,
    asked,
    slow: () => (isSlow = true),
    tell: () => listeners.forEach((socket) => socket.write(told(`${name} a 1 b 2`))),
    answer: () => {
      isSlow = false
      for (const one of asked.splice(0)) one()
    }
  }
}

for (const [what, Connector, status] of [
  ['ours finds it all the same', WorkingSentinelConnector, 'ready'],
  ['ioredis alone ends for ever', undefined, 'end']
] as const) {
  t.test(`told of a new master in the middle of the search, ${what}`, async (t) => {
    const sentinel = await openSentinel()
    const redis = new Redis({
      sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
      name,
      protocol: 2,
      failoverDetector: true,
      updateSentinels: false,
      retryStrategy: () => 50,
      ...(Connector && { Connector })
    })
    redis.on('error', () => {})
    t.teardown(() => redis.disconnect())
    await until('it listens', () => redis.status === 'ready' && sentinel.listeners.size > 0)
    sentinel.slow()
    redis.stream.destroy()
    await until('it looks for the master', () => sentinel.asked.length > 0)
    sentinel.tell()
    // The message comes before the answer.
    setTimeout(sentinel.answer, 200)
    await until(`it is ${status}`, () => redis.status === status)
    t.equal(redis.status, status)
    const isTold = sentinel.heard.some((text) => text.includes('setinfo'))
    t.equal(isTold, Connector === undefined, 'and tells the Sentinel nothing of its library')
  })
}
