import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import t from 'tap'
import { type Env, entryPoint } from '../helpers/service-process.ts'
import { accountOf, ask, atRest, inState, resultsOf, startWorld } from '../helpers/world.ts'

// A key is rotated as docs/how-to/rotate-keys.md says: put the new one first, start again, reseal, remove the old one.

const k1 = `k1:${randomBytes(32).toString('base64')}`
const k2 = `k2:${randomBytes(32).toString('base64')}`
const world = await startWorld(t, {
  // It calls back while nobody listens, and again.
  khipu: { callbackDelayMs: 50, slowDelayMs: 2000, callbackRepeats: 1000 },
  env: { SECRET_KEYS: k1, PARTITIONS: '3' }
})
const run = (env: Env) =>
  promisify(execFile)(process.execPath, [entryPoint('commands/reseal')], {
    env: { ...world.env, ...env }
  })

const old = await world.start()
const parked = await ask(old, accountOf('1106', 1))
await inState(old, parked, 'parked')
const slow = await ask(old, accountOf('1201', 1))
await inState(old, slow, 'awaiting-callback')
await old.stop()

t.test('the old key is kept for as long as anything needs it', async (t) => {
  const SECRET_KEYS = `${k2},${k1}`
  const { stdout } = await run({ SECRET_KEYS })
  t.match(stdout, /^sealed again with key k2: 3 values; accounts hashed again: 2$/m)
  t.match(stdout, /^key k1: keep it\. 0 values are sealed with it; 2 open requests /m)

  const service = await world.start({ SECRET_KEYS })
  t.match(await atRest(service, slow), { state: 'delivered' })
  t.match((await service.api('POST', '/v1/notifications', { all: true })).body, { released: 1 })
  t.match(await atRest(service, parked), { state: 'delivered' })
  t.match((await run({ SECRET_KEYS })).stdout, /^key k1: nothing needs it\. Remove it/m)
  await service.stop()
})

t.test('without it everything goes on', async (t) => {
  const service = await world.start({ SECRET_KEYS: k2 })
  const requestId = await ask(service, accountOf('1001', 1))
  t.match(await atRest(service, requestId), { state: 'delivered' })
  t.equal((await resultsOf(world, [slow, parked, requestId])).size, 3)
  await service.stop()
})

t.test('a configuration that is wrong, or a Redis that is away, is told in a line', async (t) => {
  const wrong = { SECRET_KEYS: 'k1:short' }
  await t.rejects(run(wrong), { code: 1, stderr: /SECRET_KEYS must be/ })
  const others = { SECRET_KEYS: k2, PARTITIONS: '1' }
  await t.rejects(run(others), { code: 1, stderr: /could not reseal: PARTITIONS is 1, but/ })
  const away = { REDIS_URL: 'redis://127.0.0.1:1' }
  await t.rejects(run(away), { code: 1, stderr: /could not reseal: Redis did not answer$/m })
})
