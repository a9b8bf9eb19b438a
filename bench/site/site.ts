import { join } from 'node:path'
import { freePort } from '../../simulator/free-port.ts'
import { ROOT, startNode, type Started, untilReady } from './processes.ts'
import { type Service, startService } from './service.ts'

/** The whole service between a simulated Khipu and its result queue, each in a process of its own. */
export interface Site {
  readonly khipu: Started
  readonly server: Service
  readonly worker: Service
  /** The list of results that nobody has consumed. */
  readonly resultList: string
  stop(): Promise<void>
}

export interface SiteSettings {
  readonly redisUrl: string
  readonly root: string
  readonly prefix?: string
  /** How often the worker looks for what was forgotten. By default hardly ever: rounds are removed on purpose. */
  readonly sweepInterval?: string
}

export async function openSite(settings: SiteSettings): Promise<Site> {
  const { redisUrl, root, prefix = 'khipu', sweepInterval = '60m' } = settings
  const port = await freePort()
  const simulator = join(ROOT, 'simulator', 'main.ts')
  const flags = ['--port', String(port), '--callback-delay', '0s', '--keep', '1000']
  const khipu = startNode('khipu', [simulator, ...flags], {})
  const khipuUrl = `http://127.0.0.1:${port}`
  const shared = {
    redisUrl,
    root,
    khipuUrl,
    more: { SWEEP_INTERVAL: sweepInterval, QUEUE_PREFIX: prefix }
  }
  const [server] = await Promise.all([
    startService({ ...shared, role: 'server' }),
    untilReady(khipu, `${khipuUrl}/simulator/calls`)
  ])
  const worker = await startService({ ...shared, role: 'worker', publicPort: server.port })
  return {
    ...{ khipu, server, worker },
    resultList: `${prefix}:khipu-results:wait`,
    async stop() {
      await Promise.all([worker.stop(), server.stop(), khipu.stop()])
    }
  }
}
