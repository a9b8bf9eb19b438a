import { until } from '../helpers/until.ts'
import { type Check, refuse } from './check.ts'
import type { Site } from './site.ts'

/** Everything comes up, in order, and does its work. */
export const startChecks: readonly Check[] = [
  {
    name: 'docker compose up: Redis, server and worker get healthy',
    isNeeded: true,
    async run({ compose, untilHealthy }) {
      await compose('up', '--detach', '--no-build', 'redis', 'server', 'worker', 'simulator')
      await untilHealthy('redis', 'server', 'worker', 'simulator')
      return 'all healthy'
    }
  },
  {
    name: 'start to ready',
    async run(site) {
      const seen = []
      for (const service of ['server', 'worker'])
        seen.push(`${service} ${await readyAfter(site, service)} ms`)
      return seen.join(', ')
    }
  },
  {
    name: 'the demo, through simulator, service and consumer',
    isNeeded: true,
    async run({ compose }) {
      const demo = ['node', 'simulator/demo.ts', '--join', 'http://server:3001']
      const output = await compose('run', '--rm', '--no-TTY', 'consumer', ...demo)
      const last = output.trim().split('\n').at(-1) ?? ''
      refuse(last.startsWith('everything ended exactly once') ? [] : [output.slice(-2000)])
      return last
    }
  }
]

/** In ms from the start of the process, as its log says; started again alone, while nothing else starts. */
async function readyAfter(site: Site, service: string): Promise<number> {
  const before = await readyLines(site, service)
  await site.docker('restart', await site.containerOf(service))
  const line = await until(`${service} says that it is ready`, async () => {
    const lines = await readyLines(site, service)
    return lines.length > before.length && lines.at(-1)
  })
  await site.untilHealthy(service)
  return (JSON.parse(line) as { afterMs: number }).afterMs
}

async function readyLines({ logOf }: Site, service: string): Promise<readonly string[]> {
  const log = await logOf(service)
  return log.split('\n').filter((one) => one.includes('"service ready"'))
}
