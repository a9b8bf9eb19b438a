import {
  CREDENTIAL,
  delay,
  duration,
  flag,
  HTTP_URL,
  integer,
  oneOf,
  QUEUE_NAME,
  size,
  text,
  textOr
} from './setting-types.ts'
import { LISTENER_ROWS } from './listener-setting-rows.ts'
import { KEPT_ROWS } from './storage-settings.ts'
import { REDIS_ROWS } from './redis-setting-rows.ts'

const properties = {
  ROLE: oneOf(
    ['all', 'server', 'worker'],
    'all',
    'What this process runs: the listeners, the workers, or both'
  ),
  ...REDIS_ROWS,
  ...LISTENER_ROWS,
  KHIPU_BASE_URL: { ...textOr('https://api.khipu.com', 'Address of the Khipu API'), ...HTTP_URL },
  KHIPU_API_KEY: {
    ...text(
      'API key for Khipu. Set it or KHIPU_JWT, unless every request brings its own authorization'
    ),
    ...CREDENTIAL
  },
  KHIPU_JWT: { ...text('JWT for Khipu. Set it or KHIPU_API_KEY'), ...CREDENTIAL },
  KHIPU_REQUEST_TIMEOUT: duration(
    '190s',
    "Maximum duration of one POST. Khipu's gateway gives up after 180 s"
  ),
  HTTPS_PROXY: text(
    'Proxy for the calls to Khipu: `http://user:password@host:port`. Percent-encode user and password. The name also works in lower case'
  ),
  HTTP_PROXY: text(
    'Proxy for the calls to a `KHIPU_BASE_URL` of `http://`. The name also works in lower case'
  ),
  NO_PROXY: text(
    'Hosts that the service calls without a proxy: `.khipu.com,10.0.0.0/8,host:8443` or `*`. The name also works in lower case'
  ),
  SINGLE_FLIGHT: flag(
    true,
    'Per-account serialization: one attempt per account at a time, and none with bank credentials that the bank refused'
  ),
  EVENTS: flag(
    true,
    'Whether changes of requests are kept as events for `GET /v1/events`. Without them each change costs Redis less time'
  ),
  API_TOKENS: text(
    'Bearer tokens of the operator API: `name:token,name/scope:token`. The scope is `read`, `write` or `admin` (default)'
  ),
  PAGES: flag(true, 'Pages for operators on the operator listener, at `/` and `/queues/`'),
  SECRET_KEYS: text(
    'Keys: `kid:base64 of 32 bytes,…`. The first key signs and encrypts. All keys verify and decrypt'
  ),
  RETRY_POLICY_FILE: text('JSON file that replaces rows of the built-in retry policy'),
  CALLBACK_TIMEOUT: duration(
    '30m',
    "Deadline of a callback where the LifeSpan of Khipu's answer is not readable"
  ),
  RESULT_QUEUE: { ...textOr('khipu-results', 'Name of the result queue'), ...QUEUE_NAME },
  SEAL_RESULTS: flag(
    false,
    'Encrypts the results on the queue. A consumer decrypts them with `RESULT_KEYS`'
  ),
  QUEUE_PREFIX: { ...textOr('khipu', 'BullMQ prefix of all queues'), ...QUEUE_NAME },
  PARTITIONS: integer(
    [1, 64],
    1,
    'Number of partitions of the ledger, each on one node of a Redis Cluster. Never change it'
  ),
  RESULT_RETENTION: duration(
    '3d',
    'How long the queue keeps a consumed result. The kept job id prevents a second result'
  ),
  LEDGER_RETENTION: duration('30d', 'How long the ledger keeps an ended request'),
  ...KEPT_ROWS,
  WORKER_CONCURRENCY: integer(
    [1, 1000],
    20,
    'Number of jobs of each queue that a worker handles at once; of callbacks three times as many'
  ),
  SWEEP_INTERVAL: duration('15s', 'Interval at which a worker looks for overdue requests'),
  SHUTDOWN_DELAY: delay(
    '3s',
    'How long the public listener accepts callbacks after SIGTERM. `/health/ready` is 503 from the signal on'
  ),
  BODY_LIMIT: size('10mb', 'Maximum size of a callback body'),
  BODY_VALUES: integer(
    [1, 100_000_000],
    1_000_000,
    'Maximum number of JSON values in a callback body: objects, arrays, strings, numbers, literals. The quarantine keeps larger ones'
  ),
  LOG_LEVEL: oneOf(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'Lowest level of the log lines'
  )
}

/**
 * All environment variables of the service. `to-config.ts` turns each into a field of `Config`. `npm run generate` writes `docs/reference/configuration.md` and
 * `.env.example` from this table.
 */
export const SETTINGS = {
  type: 'object',
  required: ['PUBLIC_URL', 'API_TOKENS', 'SECRET_KEYS'],
  properties
} as const

type Rows = typeof properties
type Value<Row> = Row extends { enum: readonly (infer Word)[] }
  ? Word
  : Row extends { type: 'integer' }
    ? number
    : Row extends { type: 'boolean' }
      ? boolean
      : string
/** The names of the settings with a default, which are always present. */
type Present = {
  [Name in keyof Rows]: Rows[Name] extends { default: unknown } ? Name : never
}[keyof Rows]
type Required = (typeof SETTINGS.required)[number]

/** The settings coerced and with defaults, but not yet parsed. */
export type RawSettings = {
  readonly [Name in Present | Required]: Value<Rows[Name]>
} & {
  readonly [Name in Exclude<keyof Rows, Present | Required>]?: Value<Rows[Name]>
}

/** Variables that contain a secret. Each can be given as `X_FILE`, the path of a file that contains the secret. */
export const SECRETS = [
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  'KHIPU_API_KEY',
  'KHIPU_JWT',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'API_TOKENS',
  'SECRET_KEYS'
]
