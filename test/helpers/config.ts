import { randomBytes } from 'node:crypto'
import { type Config, readConfig } from '../../src/config/read-config.ts'
import { callbackUrlLength } from '../../src/crypto/callback-token.ts'
import { redisUrl } from './service.ts'

/** The configuration of a process on free ports of this machine, under a prefix that no other test has. */
export function configOf(env: Readonly<Record<string, string>> = {}): Config {
  return readConfig(callbackUrlLength, {
    REDIS_URL: redisUrl(),
    QUEUE_PREFIX: `test-${randomBytes(6).toString('hex')}`,
    PUBLIC_URL: 'http://127.0.0.1:3000',
    PUBLIC_HOST: '127.0.0.1',
    PUBLIC_PORT: '0',
    ADMIN_PORT: '0',
    KHIPU_BASE_URL: 'http://127.0.0.1:1',
    API_TOKENS: `ops:${TOKEN}`,
    SECRET_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    ...env
  })
}

/** The one that `configOf` lets in. */
export const TOKEN = 'token-of-a-test-of-wiring'
