import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { freePort } from '../../simulator/free-port.ts'
import { call } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'

// `npm run dev`: the service between the simulators, until Ctrl-C.

t.test('npm run dev takes a request, shows its result, and ends in order', async (t) => {
  const [PUBLIC_PORT, ADMIN_PORT, SIMULATOR_PORT] = await Promise.all(
    [1, 2, 3].map(async () => String(await freePort()))
  )
  const child = spawn(process.execPath, ['scripts/dev.ts'], {
    env: { ...process.env, PUBLIC_PORT, ADMIN_PORT, SIMULATOR_PORT, QUEUE_PREFIX: 'dev-test' }
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'close')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  await until('it is ready', () => output.includes('"service ready"'))
  const [, token = ''] = /token "([^"]+)"/.exec(output) ?? []
  const answer = await call<{ requestId: string }>(`http://127.0.0.1:${ADMIN_PORT}/v1/requests`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ RequestData: { AccountNumber: `1001-${Date.now()}` } })
  })
  t.equal(answer.status, 202)
  const { requestId } = answer.body
  await until('the consumer has its result', () => output.includes(`result ${requestId}`))
  t.match(output, new RegExp(`result ${requestId} .*: delivered, complete`))
  child.kill('SIGINT')
  t.same(await ended, [0, null])
  t.match(output, '"service stopped"')
})
