import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { call } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, otherPorts, resultsOf, startWorld } from '../helpers/world.ts'

const sample = JSON.stringify({ OperationId: 'x', Status: 'OK', Data: { Transaction: [] } })
const CLEAN = { code: 0, signal: null }

async function folderOf(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-spool-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

t.test('a start without Redis takes callbacks, and a stop leaves them for the next', async (t) => {
  const env = { SPOOL_DIR: join(await folderOf(t), 'spool') }
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
})

t.test('a second process in the same folder does not start; a worker does', async (t) => {
  const env = { SPOOL_DIR: await folderOf(t) }
  const world = await startWorld(t, { env })
  await world.start()
  const second = world.spawn(await otherPorts())
  t.same(await second.exited(), { code: 1, signal: null })
  t.match(
    second.logs.filter(({ level }) => level >= 50),
    [{ level: 60, error: /^SPOOL_DIR is used by another process/ }]
  )
  t.equal(second.stderr(), '')
  await world.start({ ...(await otherPorts()), ROLE: 'worker' })
})

t.test('a folder that cannot be written keeps it from starting', async (t) => {
  const file = join(await folderOf(t), 'file')
  await writeFile(file, '')
  const world = await startWorld(t, { env: { SPOOL_DIR: file } })
  const service = world.spawn()
  t.same(await service.exited(), { code: 1, signal: null })
  t.match(
    service.logs.filter(({ level }) => level >= 50),
    [{ level: 60, error: /^SPOOL_DIR names a folder that cannot be written/ }]
  )
})
