import { randomBytes } from 'node:crypto'
import { type Consumer, defaultConsumerSettings, startConsumer } from '../consumer.ts'
import { freePort } from '../free-port.ts'
import { startKhipu } from '../khipu.ts'
import { startRedis } from '../private-redis.ts'
import type { Backstage } from './backstage.ts'
import { removeKeys } from './leftovers.ts'
import { createOperator, type Operator } from './operator.ts'
import { placeOf } from './place.ts'
import type { KhipuSight } from './remote-khipu.ts'
import { createService, type Service } from './service.ts'
import { serviceEnvironment } from './service-environment.ts'

/** What the demo plays with. */
export interface Stage {
  readonly khipu: KhipuSight
  /** null where the demo has joined one that was there. */
  readonly service: Service | null
  readonly operator: Operator
  readonly consumer: Consumer
  readonly places: Places
}

/** Where things are, in the words for those who watch. */
export interface Places {
  readonly adminUrl: string
  readonly publicUrl: string | null
  readonly khipuUrl: string
  readonly redis: string
  readonly queue: string
  readonly queuePrefix: string
  /** For the lines to try. */
  readonly token: string
  readonly logFile: string | null
}

/** Where the stage says what it does, and what breaks it off. */
export interface StageSettings {
  readonly backstage: Backstage
  readonly signal: AbortSignal
  readonly died: (error: Error) => void
  readonly log: (line: string) => void
  /** Gets a line per result. */
  readonly resultLog: (line: string) => void
}

/** Starts Redis, the simulated Khipu, the service and the simulated consumer; resolves when all are ready. */
export async function setStage(settings: StageSettings): Promise<Stage> {
  const { backstage, signal, died, log, resultLog } = settings
  const queuePrefix = `khipu-demo-${randomBytes(4).toString('hex')}`
  const redis = await startRedis({ log }).catch(adviseOnRedis)
  backstage.add(() => redis.stop())
  if (redis.pid === undefined) backstage.add(() => removeKeys(redis.url, queuePrefix))
  signal.throwIfAborted()

  const khipu = await startKhipu(delays)
  backstage.add(() => khipu.close())
  const [publicPort, adminPort] = [await freePort(), await freePort()]
  const publicUrl = `http://127.0.0.1:${publicPort}`
  const adminUrl = `http://127.0.0.1:${adminPort}`
  const addresses = { redisUrl: redis.url, khipuUrl: khipu.url, publicPort, adminPort, queuePrefix }
  const { env, token } = serviceEnvironment(addresses)
  const service = createService({ env, adminUrl, logFile: backstage.logFile, signal, died })
  backstage.add(() => service.stop())
  await service.start()

  const consumer = startConsumer({ redisUrl: redis.url, prefix: queuePrefix, log: resultLog })
  backstage.add(() => consumer.close())
  const operator = createOperator({ url: adminUrl, token, signal })
  const places = {
    adminUrl,
    publicUrl,
    khipuUrl: khipu.url,
    redis: placeOf(redis),
    queue: defaultConsumerSettings.queue,
    queuePrefix,
    token,
    logFile: backstage.logFile
  }
  const { calls, callbacks } = khipu
  const sight = { calls, callbacks, refresh: async () => {} }
  return { khipu: sight, service, operator, consumer, places }
}

function adviseOnRedis(error: Error): never {
  if (!process.env['REDIS_URL']) throw error
  const advice = 'start it, correct REDIS_URL, or unset it to have a private one started'
  throw new Error(`${error.message}: ${advice}`, { cause: error })
}

// Slow and late fit the service's CALLBACK_TIMEOUT: one below it, one between once and twice of it.
const delays = { port: 0, callbackDelayMs: 1000, slowDelayMs: 3000, lateDelayMs: 8000 }
