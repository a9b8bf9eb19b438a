import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../helpers/until.ts'
import { type Check, refuse } from './check.ts'
import { startCrowd } from './crowd.ts'
import type { Site } from './site.ts'

/** So long something is away. */
const AWAY_MS = 3_000
/** And so long the load goes on before and after. */
const BESIDES_MS = 1_500

/** Under load each service in turn is stopped, killed, paused or cut off: it heals, and nothing is lost. */
export const harmChecks: readonly Check[] = [
  check('docker stop ends with code 0 within 10 s', ['server', 'worker'], async (site, id) => {
    await site.docker('stop', '--time', '10', id)
    const code = (await site.docker('inspect', '--format', '{{.State.ExitCode}}', id)).trim()
    refuse(code === '0' ? [] : [`it ended with ${code}`])
    await site.docker('start', id)
  }),
  check('docker kill heals', ['redis', 'server', 'worker'], async (site, id) => {
    await site.docker('kill', id)
    await pause(AWAY_MS)
    await site.docker('start', id)
  }),
  check(
    'a process that crashes is started again',
    ['redis', 'server', 'worker'],
    async (site, id) => {
      // All that this user may kill, which is all but the init process.
      await site.docker('exec', id, 'sh', '-c', 'kill -9 -1').catch(() => {})
      await until('it runs again', async () => (await restarts(site, id)) > 0)
    }
  ),
  check('docker pause heals', ['redis', 'server', 'worker'], async (site, id) => {
    await site.docker('pause', id)
    await pause(AWAY_MS)
    await site.docker('unpause', id)
  }),
  check('cut off from the network of Redis heals', ['redis', 'server', 'worker'], cutOff)
]

async function cutOff({ project, docker }: Site, id: string, service: string): Promise<void> {
  const network = `${project}_redis`
  await docker('network', 'disconnect', '--force', network, id)
  await pause(AWAY_MS)
  await docker('network', 'connect', '--alias', service, network, id)
}

function check(
  name: string,
  services: readonly string[],
  harm: (site: Site, id: string, service: string) => Promise<void>
): Check {
  return {
    name: `${name}: ${services.join(', ')}`,
    async run(site) {
      await site.compose('up', '--detach', '--no-build', '--no-recreate', 'consumer')
      const crowd = startCrowd(site)
      const faults: string[] = []
      for (const service of services) {
        await pause(BESIDES_MS)
        const id = await site.containerOf(service)
        await harm(site, id, service)
          .then(() => site.untilHealthy(service))
          .catch((error: Error) => faults.push(`${service}: ${error.message}`))
      }
      await pause(BESIDES_MS)
      const { inWords } = await crowd.settle()
      refuse(faults)
      return inWords
    }
  }
}

async function restarts({ docker }: Site, id: string): Promise<number> {
  return Number(await docker('inspect', '--format', '{{.RestartCount}}', id))
}
