import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'

/** Where the service listens and what it talks to. */
export interface Addresses {
  readonly redisUrl: string
  readonly khipuUrl: string
  readonly publicPort: number
  readonly adminPort: number
  readonly queuePrefix: string
}

/** How long the service of the demo awaits a callback. */
export const callbackTimeout = '5s'

/** The environment of the demo's service, with secrets made for it alone, and its operator token. */
export function serviceEnvironment(addresses: Addresses) {
  const token = secret()
  const settings = {
    ROLE: 'all',
    REDIS_URL: addresses.redisUrl,
    PUBLIC_URL: `http://127.0.0.1:${addresses.publicPort}`,
    PUBLIC_HOST: '127.0.0.1',
    PUBLIC_PORT: String(addresses.publicPort),
    ADMIN_HOST: '127.0.0.1',
    ADMIN_PORT: String(addresses.adminPort),
    KHIPU_BASE_URL: addresses.khipuUrl,
    KHIPU_API_KEY: secret(),
    KHIPU_REQUEST_TIMEOUT: '5s',
    API_TOKENS: `demo:${token}`,
    SECRET_KEYS: `demo:${randomBytes(32).toString('base64')}`,
    RETRY_POLICY_FILE: fileURLToPath(new URL('retry-policy.json', import.meta.url)),
    CALLBACK_TIMEOUT: callbackTimeout,
    QUEUE_PREFIX: addresses.queuePrefix,
    SWEEP_INTERVAL: '3s',
    SHUTDOWN_DELAY: '0s'
  }
  return { token, env: { ...inherited(), ...settings } }
}

/** Nothing of the caller's own configuration: his KHIPU_JWT is not for a simulated Khipu. */
function inherited(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS']
  return Object.fromEntries(names.map((name) => [name, process.env[name]]))
}

function secret(): string {
  return randomBytes(24).toString('base64url')
}
