import { join } from 'node:path'
import { freePort } from '../../simulator/free-port.ts'
import { startNode, type Started, untilReady } from './processes.ts'

export const TOKEN = 'bench-operator-token'
export const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3))

/** A process of the service, its ports and the environment it was started with. */
export interface Service extends Started {
  readonly port: number
  readonly adminPort: number
  readonly env: Readonly<Record<string, string>>
}

export interface ServiceSettings {
  readonly role: 'server' | 'worker'
  readonly redisUrl: string
  /** Where the production build is. */
  readonly root: string
  /** Port of the server that Khipu calls back; by default its own. */
  readonly publicPort?: number
  readonly khipuUrl?: string
  readonly more?: Readonly<Record<string, string>>
}

/** The settings of the service that it has no default for; everything else is the default. */
export function serviceEnv(redisUrl: string, publicPort: number): Record<string, string> {
  return {
    REDIS_URL: redisUrl,
    PUBLIC_URL: `http://127.0.0.1:${publicPort}`,
    PUBLIC_HOST: '127.0.0.1',
    PUBLIC_PORT: String(publicPort),
    KHIPU_API_KEY: 'bench',
    API_TOKENS: `bench:${TOKEN}`,
    SECRET_KEYS: `k1:${KEY.toString('base64')}`
  }
}

/** Starts the production build in one role. It is not ready yet. */
export async function launchService(settings: ServiceSettings): Promise<Service> {
  const { role, redisUrl, root, khipuUrl = 'http://127.0.0.1:9', more = {} } = settings
  const [port, adminPort] = [settings.publicPort ?? (await freePort()), await freePort()]
  const env = {
    ...serviceEnv(redisUrl, port),
    ROLE: role,
    ADMIN_PORT: String(adminPort),
    KHIPU_BASE_URL: khipuUrl,
    SHUTDOWN_DELAY: '0s',
    ...more
  }
  const main = join(root, 'dist', 'main.js')
  const started = startNode(role, ['--disable-sigusr1', main], env)
  return { ...started, port, adminPort, env }
}

export async function startService(settings: ServiceSettings): Promise<Service> {
  const service = await launchService(settings)
  await untilReady(service, readyUrl(service))
  return service
}

export function readyUrl({ adminPort }: Pick<Service, 'adminPort'>): string {
  return `http://127.0.0.1:${adminPort}/health/ready`
}
