import { chmod, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../simulator/free-port.ts'
import { statusOf } from '../chaos/faults/heard.ts'
import { makeAuthority, makeCertificate } from '../helpers/certificates.ts'
import { type Check, refuse } from './check.ts'
import { startCrowd } from './crowd.ts'
import type { Site } from './site.ts'

const HOST = 'receiver.test'
const FILES = [
  'deploy/docker-compose.fleet.yml',
  'test/image/compose.test.yml',
  'test/image/compose.fleet.test.yml'
]
const BESIDES_MS = 2_000
let secondPort = 0

/** Two servers and two workers behind nginx. */
export const rollingChecks: readonly Check[] = [
  {
    name: 'the fleet comes up',
    isNeeded: true,
    async run(site) {
      await site.down()
      const authority = await makeTls(site)
      secondPort = await freePort()
      site.use(FILES, {
        PUBLIC_URL: `https://${HOST}`,
        TEST_AUTHORITY: authority,
        TEST_ADMIN_2_PORT: String(secondPort)
      })
      await site.compose('up', '--detach', '--no-build')
      await site.untilHealthy('redis', 'server', 'server-2', 'worker', 'worker-2', 'simulator')
      return 'two servers and two workers healthy, behind nginx'
    }
  },
  {
    name: 'a rolling restart loses nothing, and answers nothing but 200',
    async run(site) {
      const crowd = startCrowd(site, [undefined, secondPort])
      await pause(BESIDES_MS)
      for (const service of ['server', 'server-2', 'worker', 'worker-2']) {
        await site.compose('up', '--detach', '--no-build', '--no-deps', '--force-recreate', service)
        await site.untilHealthy(service)
        await pause(BESIDES_MS)
      }
      const { callbacks, inWords } = await crowd.settle()
      const others = callbacks.filter((callback) => statusOf(callback) !== 200)
      refuse(others.map(({ answer }) => `a callback was answered ${JSON.stringify(answer)}`))
      return inWords
    }
  },
  {
    name: "no capability in the proxy's log",
    async run(site) {
      const log = await site.logOf('proxy')
      const callbacks = await fetch(`${site.simulatorUrl}/simulator/callbacks`)
      const sent = (await callbacks.json()) as { url: string }[]
      const capabilities = new Set(sent.map(({ url }) => url.split('/').at(-1) ?? ''))
      refuse(
        [...capabilities].filter((one) => log.includes(one)).map(() => 'a capability in the log')
      )
      return `${log.trim().split('\n').length} lines, ${capabilities.size} capabilities looked for`
    }
  }
]

/** Puts a certificate beside the other secrets; resolves with the file of the authority that has signed it. */
async function makeTls(site: Site): Promise<string> {
  const authority = await makeAuthority(site.folder, 'authority')
  const { cert, key } = await makeCertificate(site.folder, HOST, `DNS:${HOST}`, authority)
  for (const [from, to] of [
    [cert, 'tls_certificate.pem'],
    [key, 'tls_key.pem']
  ] as const) {
    const file = join(site.folder, 'secrets', to)
    await copyFile(from, file)
    await chmod(file, 0o444)
  }
  await chmod(authority.cert, 0o444)
  return authority.cert
}
