import { readFileSync } from 'node:fs'
import { consumerSettings, startConsumer } from '../consumer.ts'
import { createOperator } from './operator.ts'
import { lookAtKhipu } from './remote-khipu.ts'
import type { Stage, StageSettings } from './stage.ts'

/**
 * The stage around a service and a simulator that run already. The environment says where what else is:
 * SIMULATOR_URL; REDIS_URL, RESULT_QUEUE, QUEUE_PREFIX and RESULT_KEYS as for any consumer; API_TOKENS or
 * API_TOKENS_FILE as for the service, whose first token is used.
 */
export async function joinStage(adminUrl: string, settings: StageSettings): Promise<Stage> {
  const { backstage, signal, resultLog } = settings
  const { env } = process
  const khipuUrl = env['SIMULATOR_URL'] ?? 'http://127.0.0.1:4000'
  const operator = createOperator({ url: adminUrl, token: firstToken(env), signal })
  const khipu = await lookAtKhipu(khipuUrl, signal)
  const { redisUrl, queue, prefix, resultKeys } = consumerSettings(env)
  const consumer = startConsumer({ redisUrl, queue, prefix, resultKeys, log: resultLog })
  backstage.add(() => consumer.close())
  const places = {
    adminUrl,
    publicUrl: null,
    khipuUrl,
    redis: new URL(redisUrl).host,
    queue,
    queuePrefix: prefix,
    // What a container prints is kept.
    token: '<token>',
    logFile: null
  }
  return { khipu, service: null, operator, consumer, places }
}

/** As the service reads it: `name:token`, or `name/scope:token`. */
function firstToken({ API_TOKENS, API_TOKENS_FILE }: NodeJS.ProcessEnv): string {
  const given = API_TOKENS_FILE ? readFileSync(API_TOKENS_FILE, 'utf8') : (API_TOKENS ?? '')
  const [first = ''] = given.trim().split(',')
  const [, token = ''] = /^[^:]+:(.+)$/.exec(first) ?? []
  if (token === '') throw new Error('API_TOKENS, or the file API_TOKENS_FILE, has no name:token')
  return token
}
