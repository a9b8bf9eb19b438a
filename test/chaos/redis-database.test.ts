import { randomBytes } from 'node:crypto'
import t from 'tap'
import { takeTime } from '../helpers/patience.ts'
import { call, type Service } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, startWorld } from '../helpers/world.ts'

takeTime(t)

const world = await startWorld(t, {
  ownRedis: true,
  redis: { args: ['--databases', '4'] },
  khipu: { callbackDelayMs: 20 }
})
const { client, results } = world
const keysElsewhere = () => client.info('keyspace')
const password = randomBytes(16).toString('hex')
await client.call('ACL', 'SETUSER', 'confined', 'on', `>${password}`, '~*', '+@all', '-select')
const as = (user: string) => world.redis.url.replace('://', `://${user}:${password}@`)

const unfit: [what: string, url: string, code: string][] = [
  ['that is out of range', `${world.redis.url}/4`, 'ERR'],
  ['that its user may not select', `${as('confined')}/1`, 'NOPERM']
]
for (const [what, url, code] of unfit) {
  t.test(
    `with a database ${what} the service is not ready, says why, and writes nowhere`,
    async (t) => {
      const service = world.spawn({ REDIS_URL: url })
      const concern = `it refuses the database that REDIS_URL names (${code}): name another, or allow its user +select`
      const { status, body } = await until('it says why', async () => {
        const answer = await readinessOf(service)
        t.not(answer?.status, 200)
        return answer !== null && answer.body.concerns.length > 0 && answer
      })
      t.match({ status, body }, { status: 503, body: { redis: 'refuses', concerns: [concern] } })
      t.equal((await call(`${service.adminUrl}/health/live`)).status, 200)
      const asking = { RequestData: { AccountNumber: accountOf('1001', 1) } }
      t.equal((await service.api('POST', '/v1/requests', asking)).status, 503)
      await until('the log says why', () =>
        service.logs.find(({ msg, refused }) => msg === 'redis lost' && refused !== undefined)
      )
      t.same(await service.stop(), { code: 0, signal: null })
      t.notMatch(await keysElsewhere(), /db[1-9]/)
      t.same(await client.keys('*'), [results.toKey('meta')], 'but for that of the test itself')
      t.notMatch(JSON.stringify([service.logs, service.stderr(), service.strays]), password)
    }
  )
}

t.test('it heals once the user may select', async (t) => {
  const service = world.spawn({ REDIS_URL: `${as('confined')}/3` })
  await until('it says why', async () => (await readinessOf(service))?.body.concerns.length === 1)
  await client.call('ACL', 'SETUSER', 'confined', '+select')
  await service.ready()
  t.match(await atRest(service, await ask(service, accountOf('1001', 1))), { state: 'delivered' })
  t.match(await keysElsewhere(), /db3/)
  t.notMatch(await keysElsewhere(), /db[12]/)
  t.same(await client.keys('*'), [results.toKey('meta')])
})

function readinessOf({ adminUrl }: Service) {
  return call<{ concerns: string[] }>(`${adminUrl}/health/ready`).catch(() => null)
}
