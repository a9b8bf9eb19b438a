import {
  CREDENTIAL,
  delay,
  duration,
  flag,
  HTTP_URL,
  integer,
  oneOf,
  port,
  QUEUE_NAME,
  size,
  text,
  textOr
} from './rows.ts'
import { KEPT_ROWS } from './kept-rows.ts'
import { REDIS_ROWS } from './redis-rows.ts'

const properties = {
  ROLE: oneOf(['all', 'server', 'worker'], 'all', 'What this process does: listen, work, or both'),
  ...REDIS_ROWS,
  PUBLIC_URL: { ...text('How Khipu reaches the public listener'), ...HTTP_URL },
  PUBLIC_HOST: textOr('0.0.0.0', 'The address that the public listener binds'),
  PUBLIC_PORT: port(3000, 'The port of the public listener'),
  ADMIN_HOST: textOr('127.0.0.1', 'The address that the operator listener binds'),
  ADMIN_PORT: port(3001, 'The port of the operator listener'),
  TRUST_PROXY: text(
    'Addresses and networks of the proxies in front, whose `X-Forwarded-For` is believed: `10.0.0.7,192.168.0.0/16`'
  ),
  MAX_CONNECTIONS: integer([1, 65535], 2000, 'How many connections each listener holds at once'),
  REFUSALS_PER_ADDRESS: integer(
    [1, 1_000_000],
    1000,
    'How many refused callbacks an address may try in a minute before it hears 429; no number of them keeps a good one out'
  ),
  REFUSALS_IN_ALL: integer([1, 10_000_000], 10_000, 'The same for all addresses together'),
  KHIPU_BASE_URL: { ...textOr('https://api.khipu.com', 'Where Khipu is'), ...HTTP_URL },
  KHIPU_API_KEY: {
    ...text('API key for Khipu; this or KHIPU_JWT, unless every request brings its own'),
    ...CREDENTIAL
  },
  KHIPU_JWT: { ...text('JWT for Khipu; this or KHIPU_API_KEY'), ...CREDENTIAL },
  KHIPU_REQUEST_TIMEOUT: duration(
    '190s',
    "How long one POST may take; Khipu's gateway gives up after 180 s"
  ),
  HTTPS_PROXY: text(
    'Proxy for the calls to Khipu, `http://user:password@host:port`, user and password percent-encoded; in lower case, too, as are the next two'
  ),
  HTTP_PROXY: text('The same for a `KHIPU_BASE_URL` of `http://`'),
  NO_PROXY: text('Hosts that are reached without it: `.khipu.com,10.0.0.0/8,host:8443`, or `*`'),
  SINGLE_FLIGHT: flag(
    true,
    'One attempt per account at a time, and none with credentials that the bank has just refused'
  ),
  API_TOKENS: text(
    'Bearer tokens of the operator API: `name:token,name/scope:token`; scope is read, write or admin (default)'
  ),
  SECRET_KEYS: text(
    '`kid:base64 of 32 bytes,…`: the first signs and seals, all of them verify and open'
  ),
  RETRY_POLICY_FILE: text('JSON file that replaces rows of the built-in policy'),
  CALLBACK_TIMEOUT: duration(
    '30m',
    "Deadline of a callback when Khipu's LifeSpan can't be read as one"
  ),
  RESULT_QUEUE: { ...textOr('khipu-results', 'The name of the downstream queue'), ...QUEUE_NAME },
  SEAL_RESULTS: flag(
    false,
    'Results on the queue are sealed, for those alone who have `RESULT_KEYS`: `docs/sealed-results.md`'
  ),
  QUEUE_PREFIX: { ...textOr('khipu', 'The BullMQ prefix of all queues'), ...QUEUE_NAME },
  PARTITIONS: integer(
    [1, 64],
    1,
    'In how many parts the ledger lies, each on one node of a Cluster; never to be changed'
  ),
  RESULT_RETENTION: duration(
    '3d',
    'How long a consumed result keeps its job id taken, so that none comes twice'
  ),
  LEDGER_RETENTION: duration('30d', 'How long an ended request can be looked up'),
  ...KEPT_ROWS,
  WORKER_CONCURRENCY: integer(
    [1, 1000],
    20,
    'How many jobs of each queue a worker handles at once'
  ),
  SWEEP_INTERVAL: duration('15s', 'How often a worker looks for requests without progress'),
  SHUTDOWN_DELAY: delay(
    '3s',
    'After SIGTERM `/health/ready` is 503 at once, and the public listener goes on taking callbacks for this long: `docs/deploying.md`'
  ),
  BODY_LIMIT: size('10mb', 'The most that a callback body may have'),
  BODY_VALUES: integer(
    [1, 100_000_000],
    1_000_000,
    'The most JSON values (objects, arrays, strings, numbers, literals) a callback may hold; one with more is kept in quarantine'
  ),
  LOG_LEVEL: oneOf(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'The least that is logged'
  )
}

/** Every environment variable of the service; the README's table is checked against it. */
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
/** The names of those that are always there: required, or with a default. */
type Present = {
  [Name in keyof Rows]: Rows[Name] extends { default: unknown } ? Name : never
}[keyof Rows]
type Required = (typeof SETTINGS.required)[number]

/** The settings as env-schema leaves them: coerced, with defaults, not yet understood. */
export type RawSettings = {
  readonly [Name in Present | Required]: Value<Rows[Name]>
} & {
  readonly [Name in Exclude<keyof Rows, Present | Required>]?: Value<Rows[Name]>
}

/** Variables that hold a secret: each can be given as `X_FILE`, the path of a file that holds it. */
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
