import { ENDPOINTS, integer, text, textOr } from './setting-types.ts'

/** The settings that tell where Redis is, and how many replicas must store what the service acknowledges. */
export const REDIS_ROWS = {
  REDIS_URL: {
    ...textOr(
      'redis://127.0.0.1:6379',
      'Address of Redis, with user and password where it has them. `rediss://` means TLS'
    ),
    pattern: '^rediss?://\\S+$',
    form: 'must be a redis:// or rediss:// address'
  },
  REDIS_CA_FILE: text(
    'PEM file of the authority that signed the certificate of Redis, for `rediss://`'
  ),
  REDIS_CLUSTER: {
    ...text(
      'Some nodes of a Redis Cluster: `host:port,…`. `REDIS_URL` then gives user, password and TLS only'
    ),
    ...ENDPOINTS
  },
  REDIS_SENTINELS: {
    ...text(
      'Sentinels that name the primary: `host:port,…`. `REDIS_URL` then gives user, password, database and TLS only'
    ),
    ...ENDPOINTS
  },
  REDIS_SENTINEL_NAME: textOr('mymaster', 'Name of the primary at the Sentinels'),
  REDIS_SENTINEL_PASSWORD: text('Password of the Sentinels'),
  ACK_REPLICAS: integer(
    [0, 5],
    0,
    'Number of replicas that must store a callback or a request before its 2xx, and an attempt before its POST. Not for a Cluster'
  )
}
