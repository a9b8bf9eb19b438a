import { ENDPOINTS, integer, text, textOr } from './rows.ts'

/** The settings that tell where Redis is, and how many of its machines must have what came. */
export const REDIS_ROWS = {
  REDIS_URL: {
    ...textOr(
      'redis://127.0.0.1:6379',
      'Where Redis is, with user and password where it has them; `rediss://` for TLS'
    ),
    pattern: '^rediss?://\\S+$',
    form: 'must be a redis:// or rediss:// address'
  },
  REDIS_CA_FILE: text(
    "PEM file of the authority that has signed Redis's certificate, for `rediss://`"
  ),
  REDIS_CLUSTER: {
    ...text(
      'Some nodes of a Redis Cluster, `host:port,…`; `REDIS_URL` then tells user, password and TLS alone'
    ),
    ...ENDPOINTS
  },
  REDIS_SENTINELS: {
    ...text(
      'Sentinels, `host:port,…`, that tell which Redis is the master; `REDIS_URL` then tells user, password, database and TLS alone'
    ),
    ...ENDPOINTS
  },
  REDIS_SENTINEL_NAME: textOr('mymaster', 'What the Sentinels call the master'),
  REDIS_SENTINEL_PASSWORD: text('Password of the Sentinels, where they have one'),
  ACK_REPLICAS: integer(
    [0, 5],
    0,
    'How many replicas must have what came, or what is about to be sent, before it is acknowledged or sent; not on a Cluster'
  )
}
