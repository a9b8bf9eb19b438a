/** A duration as users write it: a whole number and a unit. */
const duration = (value: string, description: string) => ({
  type: 'string',
  pattern: '^[1-9][0-9]{0,5}(ms|s|m|h|d)$',
  form: 'must be a duration such as 500ms, 30m or 4h',
  default: value,
  description
})
const port = (value: number, description: string) => ({
  type: 'integer',
  minimum: 0,
  maximum: 65535,
  default: value,
  description
})
const text = (description: string, value?: string) => ({
  type: 'string',
  minLength: 1,
  description,
  ...(value === undefined ? {} : { default: value })
})
const httpUrl = (description: string, value?: string) => ({
  ...text(description, value),
  pattern: '^https?://[^\\s/?#@]+(/[^\\s?#@]*)?$',
  form: 'must be an http:// or https:// address without user, query or fragment'
})
/** What goes into a header. */
const credential = (description: string) => ({
  ...text(description),
  pattern: '^[\\x21-\\x7e]+$',
  form: 'must be of visible ASCII characters, without spaces'
})
/** The name of a queue, or what stands before it in keys. */
const queueName = (value: string, description: string) => ({
  ...text(description, value),
  pattern: '^[^:\\s]+$',
  form: 'must have no colon and no space'
})

/** Every environment variable of the service; the README's table is checked against it. */
export const SETTINGS = {
  type: 'object',
  required: ['PUBLIC_URL', 'API_TOKENS', 'SECRET_KEYS'],
  properties: {
    ROLE: {
      type: 'string',
      enum: ['all', 'server', 'worker'],
      form: 'must be one of all, server, worker',
      default: 'all',
      description: 'What this process does: listen, work, or both'
    },
    REDIS_URL: {
      type: 'string',
      pattern: '^rediss?://\\S+$',
      form: 'must be a redis:// or rediss:// address',
      default: 'redis://127.0.0.1:6379',
      description: 'Where Redis is; `rediss://` for TLS'
    },
    PUBLIC_URL: httpUrl('How Khipu reaches the public listener'),
    PUBLIC_HOST: text('The address that the public listener binds', '0.0.0.0'),
    PUBLIC_PORT: port(3000, 'The port of the public listener'),
    ADMIN_HOST: text('The address that the operator listener binds', '127.0.0.1'),
    ADMIN_PORT: port(3001, 'The port of the operator listener'),
    KHIPU_BASE_URL: httpUrl('Where Khipu is', 'https://api.khipu.com'),
    KHIPU_API_KEY: credential(
      'API key for Khipu; this or KHIPU_JWT, unless every request brings its own'
    ),
    KHIPU_JWT: credential('JWT for Khipu; this or KHIPU_API_KEY'),
    KHIPU_REQUEST_TIMEOUT: duration(
      '190s',
      "How long one POST may take; Khipu's gateway gives up after 180 s"
    ),
    API_TOKENS: text('Bearer tokens of the operator API: `name:token,name:token`'),
    SECRET_KEYS: text(
      '`kid:base64 of 32 bytes,…`: the first signs and seals, all of them verify and open'
    ),
    RETRY_POLICY_FILE: text('JSON file that replaces rows of the built-in policy'),
    CALLBACK_TIMEOUT: duration(
      '30m',
      "Deadline of a callback when Khipu's LifeSpan can't be read as one"
    ),
    RESULT_QUEUE: queueName('khipu-results', 'The name of the downstream queue'),
    QUEUE_PREFIX: queueName('khipu', 'The BullMQ prefix of all queues'),
    RESULT_RETENTION: duration(
      '3d',
      'How long a consumed result keeps its job id taken, so that none comes twice'
    ),
    LEDGER_RETENTION: duration('30d', 'How long an ended request can be looked up'),
    WORKER_CONCURRENCY: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 20,
      description: 'How many jobs of each queue a worker handles at once'
    },
    SWEEP_INTERVAL: duration('15s', 'How often a worker looks for requests without progress'),
    BODY_LIMIT: {
      type: 'string',
      pattern: '^[1-9][0-9]{0,5}(b|kb|mb)$',
      form: 'must be a size such as 512kb or 10mb',
      default: '10mb',
      description: 'The most that a callback body may have'
    },
    LOG_LEVEL: {
      type: 'string',
      enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      form: 'must be one of fatal, error, warn, info, debug, trace, silent',
      default: 'info',
      description: 'The least that is logged'
    }
  }
} as const

/** The settings as env-schema leaves them: coerced, with defaults, not yet understood. */
export interface RawSettings {
  readonly ROLE: 'all' | 'server' | 'worker'
  readonly REDIS_URL: string
  readonly PUBLIC_URL: string
  readonly PUBLIC_HOST: string
  readonly PUBLIC_PORT: number
  readonly ADMIN_HOST: string
  readonly ADMIN_PORT: number
  readonly KHIPU_BASE_URL: string
  readonly KHIPU_API_KEY?: string
  readonly KHIPU_JWT?: string
  readonly KHIPU_REQUEST_TIMEOUT: string
  readonly API_TOKENS: string
  readonly SECRET_KEYS: string
  readonly RETRY_POLICY_FILE?: string
  readonly CALLBACK_TIMEOUT: string
  readonly RESULT_QUEUE: string
  readonly QUEUE_PREFIX: string
  readonly RESULT_RETENTION: string
  readonly LEDGER_RETENTION: string
  readonly WORKER_CONCURRENCY: number
  readonly SWEEP_INTERVAL: string
  readonly BODY_LIMIT: string
  readonly LOG_LEVEL: string
}

/** Variables that hold a secret: each can be given as `X_FILE`, the path of a file that holds it. */
export const SECRETS = ['REDIS_URL', 'KHIPU_API_KEY', 'KHIPU_JWT', 'API_TOKENS', 'SECRET_KEYS']
