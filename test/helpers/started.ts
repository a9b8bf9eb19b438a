import { pino } from 'pino'
import { readConfig } from '../../src/config/read-config.ts'
import { callbackUrlLength } from '../../src/crypto/callback-token.ts'
import { startService } from '../../src/app/start.ts'
import { callApi, type Env, type LogLine, type Service } from './service-process.ts'
import { until } from './until.ts'
import type { Scope, World } from './world.ts'

/** The whole service, started in this process from an environment, as `src/main.ts` starts it. */
export interface Started extends Pick<Service, 'publicUrl' | 'adminUrl' | 'logs' | 'api'> {
  /** Rejects where process and ledger do not fit. */
  readonly fits: Promise<void>
  /** Ends it, in order. A second call does nothing. */
  close(): Promise<void>
}

/** Starts it with the settings of a world; it need not become ready. It ends with the test. */
export async function startUnready(scope: Scope, world: World, more: Env = {}): Promise<Started> {
  const env = { ...world.env, ...more }
  const logs: LogLine[] = []
  const write = (line: string) => void logs.push(JSON.parse(line) as LogLine)
  const config = readConfig(callbackUrlLength, env)
  const service = await startService(config, pino({ level: 'debug' }, { write }))
  const adminUrl = `http://127.0.0.1:${config.adminListener.port}`
  let closed: Promise<unknown> | null = null
  const close = async () => void (await (closed ??= service.close(0)))
  scope.teardown(close)
  return {
    publicUrl: `http://127.0.0.1:${config.publicListener.port}`,
    adminUrl,
    logs,
    fits: service.fits,
    api: (method, path, body, headers) => callApi(`${adminUrl}${path}`, method, body, headers),
    close
  }
}

/** Starts it, and resolves once it is ready. */
export async function startHere(scope: Scope, world: World, more: Env = {}): Promise<Started> {
  const service = await startUnready(scope, world, more)
  await service.fits
  await until('the service is ready', async () => {
    return (await service.api('GET', '/health/ready')).status === 200
  })
  return service
}
