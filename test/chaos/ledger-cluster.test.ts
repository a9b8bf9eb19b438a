import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Cluster } from 'ioredis'
import t from 'tap'
import { BUILT_IN_POLICY } from '../../src/core/policy.ts'
import { openLedger } from '../../src/ledger/open-ledger.ts'
import { connectFailingFast } from '../../src/redis/connect.ts'
import { startCluster } from './faults/machines.ts'
import { grantedCommands } from '../helpers/redis-rights.ts'
import { takeTime } from '../helpers/patience.ts'
import { addressOf } from '../helpers/redis-address.ts'
import { openLog, secretKey } from '../helpers/service.ts'

// What a server under load goes through when a master has died: the connections to the others come and go as well.

const PARTITIONS = 6
const ROUNDS = 300

takeTime(t)

t.test('no reply goes to another command while the masters of a Cluster come and go', async (t) => {
  const rights = ['~*', ...grantedCommands(), '+cluster|slots', '+cluster|info', '+readonly']
  const { env, masters } = await startCluster(t, [...rights, '+readwrite'])
  const nodes = String(env['REDIS_CLUSTER'])
    .split(',')
    .map((node) => new URL(`redis://${node}`))
  const cluster = nodes.map(({ hostname, port }) => ({ host: hostname, port: Number(port) }))
  const address = { ...addressOf(String(env['REDIS_URL'])), cluster }
  const redis = connectFailingFast(address, openLog().log)
  t.teardown(() => redis.disconnect())
  if (!(redis instanceof Cluster)) throw new Error('it is no Cluster')
  await once(redis, 'ready')
  const settings = {
    queuePrefix: 'khipu',
    secretKeys: [secretKey('k1')] as const,
    policy: BUILT_IN_POLICY,
    quarantine: { mostEntries: 1, mostBytes: 1, retentionMs: 1 },
    singleFlight: true,
    ledgerRetentionMs: 1e9
  }
  const parts = Array.from({ length: PARTITIONS }, (_, index) => {
    const { catalog, tag } = openLedger(redis, settings, { index, count: PARTITIONS })
    return { catalog, name: `${tag}:name` }
  })
  for (const { name } of parts) await redis.set(name, name)

  const seen = new Map<string, number>()
  const note = (what: string) => void seen.set(what, (seen.get(what) ?? 0) + 1)
  await masters[0]?.server.end('SIGKILL')
  for (let round = 0; round < ROUNDS; round += 1) {
    const living = redis.nodes('master')
    if (round % 3 === 0) living[round % living.length]?.disconnect()
    for (const { catalog, name } of parts) {
      void catalog
        .totals()
        .then(({ accepted }) => accepted !== 0 && note('wrong totals'))
        .catch(() => {})
      void redis.get(name).then(
        (value) => note(value === name || value === null ? 'right' : 'wrong'),
        () => {}
      )
    }
    await pause(5)
  }
  t.ok(Number(seen.get('right')) > 0)
  t.same([...seen.keys()], ['right'])
})

t.test('a pipeline on a Cluster is refused', (t) => {
  const cluster = [{ host: '127.0.0.1', port: 1 }]
  const address = { ...addressOf('redis://127.0.0.1:1'), cluster }
  const redis = connectFailingFast(address, openLog().log)
  t.teardown(() => redis.disconnect())
  t.throws(() => redis.multi(), { message: /^No pipeline/ })
  t.throws(() => redis.pipeline(), { message: /^No pipeline/ })
  t.end()
})
