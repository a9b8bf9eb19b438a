import t from 'tap'
import { startService } from '../../../src/app/start.ts'
import { configOf, TOKEN } from '../../helpers/config.ts'
import { deleteKeys, openLog, redisUrl } from '../../helpers/service.ts'
import { call } from '../../helpers/wire.ts'

const given: [what: string, env: Readonly<Record<string, string>>, status: number][] = [
  ['an API key of its own', { KHIPU_API_KEY: 'a-key' }, 202],
  ['a JWT of its own', { KHIPU_JWT: 'a.b.c' }, 202],
  ['nothing of its own', {}, 422]
]
for (const [what, env, status] of given) {
  t.test(`a service with ${what} answers a request without one ${status}`, async (t) => {
    const config = configOf({ ROLE: 'server', ...env })
    const { lines, log } = openLog()
    const service = await startService(config, log)
    t.teardown(async () => {
      await service.close(0)
      await deleteKeys(redisUrl(), config.queuePrefix)
    })
    await service.fits
    const opened = lines.find((line) => line.includes('operator listener open')) ?? '{}'
    const { address } = JSON.parse(opened) as { address: string }
    const answer = await call(`${address}/v1/requests`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ RequestData: { AccountNumber: '1001-0001' } })
    })
    t.equal(answer.status, status, answer.text)
  })
}

t.test('what is probably a mistake is a line of the log at the start', async (t) => {
  const { lines, log } = openLog()
  const config = configOf({ ROLE: 'server', CALLBACK_TIMEOUTS: '1h' })
  const service = await startService(config, log)
  t.teardown(() => service.close(0))
  await service.fits
  const told = lines.filter((line) => line.includes('CALLBACK_TIMEOUTS'))
  t.equal(told.length, 1)
  t.match(JSON.parse(told[0] ?? '{}'), { level: 40, msg: /is it CALLBACK_TIMEOUT\?$/ })
})
