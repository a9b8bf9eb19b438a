import { join } from 'node:path'
import t from 'tap'
import { ok } from '../helpers/callbacks.ts'
import { call } from '../helpers/service-process.ts'
import { spoolFolder } from '../helpers/spool.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, resultsOf, startWorld } from '../helpers/world.ts'

const sample = JSON.stringify(ok({ Data: { Transaction: [] } }))

const CLEAN = { code: 0, signal: null }

t.test(
  'without a spool callbacks are answered 503 until Redis is there, and then all heals',
  async (t) => {
    const world = await startWorld(t, { ownRedis: true })
    const before = await world.start()
    const requestId = await ask(before, accountOf('1205', 1))
    const asked = await until('Khipu was asked', () => world.khipu.calls[0])
    await before.stop()
    await world.redis.kill()

    const service = world.spawn()
    const { publicUrl, adminUrl } = service
    const live = await until('it listens', () => call(`${publicUrl}/health/live`).catch(() => null))
    t.equal(live.status, 200)
    const post = () => call(asked.callbackUrl ?? '', { method: 'POST', body: sample })

    await t.test('a callback is answered 503 with Retry-After', async (t) => {
      const answer = await post()
      t.match(answer, { status: 503, body: { status: 'unavailable' } })
      t.match(answer.headers.get('retry-after'), /^[0-9]+$/)
    })

    await t.test('an altered capability is answered 404 all the same', async (t) => {
      t.equal((await call(`${asked.callbackUrl}x`, { method: 'POST', body: sample })).status, 404)
    })

    await t.test('readiness says 503, and liveness 200', async (t) => {
      const answer = await until('it listens', () =>
        call(`${adminUrl}/health/ready`).catch(() => null)
      )
      t.match(answer, { status: 503, body: { status: 'unavailable', redis: 'away' } })
      t.equal((await call(`${adminUrl}/health/live`)).status, 200)
    })

    await t.test('the operator API is answered 503 with Retry-After', async (t) => {
      const body = { RequestData: { AccountNumber: '1001' } }
      const answer = await service.api('POST', '/v1/requests', body)
      t.match(answer, { status: 503, body: { status: 503 } })
      t.match(answer.headers.get('retry-after'), /^[0-9]+$/)
      t.match(answer.headers.get('content-type'), 'application/problem+json')
    })

    await t.test('metrics say that the ledger is away', async (t) => {
      const { status, text } = await service.api('GET', '/metrics')
      t.equal(status, 200)
      t.match(text, /^khipu_ledger_up 0$/m)
    })

    await t.test('all heals once Redis is there', async (t) => {
      await world.redis.restart()
      await service.ready()
      t.match(await post(), { status: 200, body: { status: 'accepted' } })
      t.match(await atRest(service, requestId), { state: 'delivered', attempts: 1 })
      const second = await ask(service, accountOf('1301', 1))
      t.match(await atRest(service, second), { state: 'delivered' })
      t.equal((await resultsOf(world, [requestId, second])).size, 2)
    })

    await t.test('the loss of Redis is told once, and its return', async (t) => {
      const told = service.logs.filter(({ msg }) => msg === 'redis lost').length
      t.equal(service.logs.filter(({ msg }) => msg === 'redis reconnected').length, told)
      t.ok(told >= 1 && told <= 2, 'once for each of the two kinds of connection')
      t.equal(service.stderr(), '')
      t.same(service.strays, [])
    })
  }
)

t.test(
  'with a spool callbacks are taken, and a stop leaves them for the next process',
  async (t) => {
    const env = { SPOOL_DIR: join(spoolFolder(t), 'spool') }
    const world = await startWorld(t, { ownRedis: true, env })
    const before = await world.start()
    const requestId = await ask(before, accountOf('1205', 1))
    const asked = await until('Khipu was asked', () => world.khipu.calls[0])
    t.same(await before.stop(), CLEAN)
    await world.redis.kill()

    const first = world.spawn()
    const post = () => call(asked.callbackUrl ?? '', { method: 'POST', body: sample })
    await until('it listens', () => call(`${first.publicUrl}/health/live`).catch(() => null))
    t.match(await post(), { status: 200, body: { status: 'accepted' } })
    t.match(await post(), { status: 200, body: { status: 'duplicate' } })
    const altered = await call(`${asked.callbackUrl}x`, { method: 'POST', body: sample })
    t.equal(altered.status, 404)
    const ready = await until('it listens', () =>
      call(`${first.adminUrl}/health/ready`).catch(() => null)
    )
    t.match(ready, { status: 503, body: { redis: 'away', spool: { entries: 1, room: 'free' } } })
    t.same(await first.stop(), CLEAN)

    await world.redis.restart()
    const second = await world.start()
    t.match(await atRest(second, requestId), { state: 'delivered', attempts: 1 })
    t.equal((await resultsOf(world, [requestId])).size, 1)
    t.match(await post(), { status: 200, body: { status: 'duplicate' } })
    for (const { strays, stderr } of [first, second]) t.same([strays, stderr()], [[], ''])
  }
)
