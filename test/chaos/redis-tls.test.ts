import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { freePort } from '../../simulator/free-port.ts'
import {
  type Certificate,
  makeAuthority,
  makeCertificate,
  noOpenssl
} from '../helpers/certificates.ts'
import { call, type Env } from '../helpers/service-process.ts'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, resultsOf, startWorld } from '../helpers/world.ts'

const password = randomBytes(16).toString('hex')

/** A world whose Redis also speaks TLS, and the address at which it does. */
async function startTlsWorld(t: Test) {
  const world = await startWorld(t, { ownRedis: true, khipu: { callbackDelayMs: 20 } })
  const folder = t.testdir()
  const authority = await makeAuthority(folder, 'authority')
  const other = await makeAuthority(folder, 'other')
  const good = await makeCertificate(folder, 'good', 'IP:127.0.0.1', authority)
  const elsewhere = await makeCertificate(folder, 'elsewhere', 'DNS:redis.example', authority)
  const { client } = world
  const present = ({ cert, key }: Certificate) =>
    client.call('CONFIG', 'SET', 'tls-cert-file', cert, 'tls-key-file', key)
  const port = await freePort()
  await client.call('ACL', 'SETUSER', 'default', `>${password}`)
  await client.call('CONFIG', 'SET', 'tls-auth-clients', 'no')
  await present(good)
  await client.call('CONFIG', 'SET', 'tls-port', port)
  const env = {
    REDIS_URL: `rediss://default:${password}@127.0.0.1:${port}`,
    REDIS_CA_FILE: authority.cert,
    LOG_LEVEL: 'trace'
  }
  return { world, port, other, good, elsewhere, present, env }
}

const skip = await noOpenssl()

t.test('over TLS', { skip }, async (t) => {
  const { world, port, other, good, elsewhere, present, env } = await startTlsWorld(t)

  await t.test('a request runs from its POST to its result', async (t) => {
    const service = await world.start(env)
    const requestIds = await Promise.all(
      ['1001', '1301'].map((scenario) => ask(service, accountOf(scenario, 1)))
    )
    for (const id of requestIds) t.match(await atRest(service, id), { state: 'delivered' })
    t.equal((await resultsOf(world, requestIds)).size, requestIds.length)
    // Two that fail fast, one of them for large bodies, one that waits, and one that blocks for each of the four queues.
    const clients = String(await world.client.client('LIST')).split('\n')
    t.equal(clients.filter((line) => line.includes(`laddr=127.0.0.1:${port} `)).length, 7)
    t.same(await service.stop(), { code: 0, signal: null })
    t.notMatch(JSON.stringify([service.logs, service.stderr()]), password)
  })

  const refused: [what: string, presented: Certificate, env: Env, code: RegExp][] = [
    [
      'of an authority that Node does not know',
      good,
      { REDIS_CA_FILE: '' },
      /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN)$/
    ],
    [
      'of another authority than that of REDIS_CA_FILE',
      good,
      { REDIS_CA_FILE: other.cert },
      /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN)$/
    ],
    ['for another host', elsewhere, {}, /^ERR_TLS_CERT_ALTNAME_INVALID$/]
  ]
  for (const [what, presented, more, code] of refused) {
    await t.test(`a certificate ${what} is refused`, async (t) => {
      await present(presented)
      const service = world.spawn({ ...env, ...more })
      // Both kinds of connection.
      const lost = await until('both say why', () => {
        const lines = service.logs.filter(({ msg }) => msg === 'redis lost')
        return lines.length === 2 && lines
      })
      for (const line of lost) t.match(line['code'], code)
      const ready = await until('it answers', () =>
        call(`${service.adminUrl}/health/ready`).catch(() => null)
      )
      t.match(ready, { status: 503, body: { redis: 'away' } })
      t.equal((await call(`${service.adminUrl}/health/live`)).status, 200)
      t.match((await service.api('POST', '/v1/requests', {})).status, /^(?:503|422)$/)
      await service.kill()
      t.notMatch(JSON.stringify([service.logs, service.stderr(), service.strays]), password)
    })
  }

  await t.test('all heals once the certificate is right', async (t) => {
    await present(elsewhere)
    const service = world.spawn(env)
    await until('it is refused', () => service.logs.some(({ msg }) => msg === 'redis lost'))
    await present(good)
    await service.ready()
    const requestId = await ask(service, accountOf('1001', 2))
    t.match(await atRest(service, requestId), { state: 'delivered' })
  })
})
