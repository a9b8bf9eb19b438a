import { HTTP_URL, integer, optionalPort, port, text, textOr } from './setting-types.ts'

/** The settings of the listeners: their addresses, and the limits of their connections. */
export const LISTENER_ROWS = {
  PUBLIC_URL: { ...text('Address at which Khipu reaches the public listener'), ...HTTP_URL },
  PUBLIC_HOST: textOr('0.0.0.0', 'Address that the public listener binds'),
  PUBLIC_PORT: port(3000, 'Port of the public listener'),
  ADMIN_HOST: textOr('127.0.0.1', 'Address that the operator listener binds'),
  ADMIN_PORT: port(3001, 'Port of the operator listener'),
  METRICS_HOST: textOr('127.0.0.1', 'Address that the listener of `METRICS_PORT` binds'),
  METRICS_PORT: optionalPort(
    'Port of a listener for `/metrics` alone. Without it the operator listener has `/metrics`'
  ),
  TRUST_PROXY: text(
    'Reverse proxies whose `X-Forwarded-For` the service trusts, as addresses and networks: `10.0.0.7,192.168.0.0/16`'
  ),
  MAX_CONNECTIONS: integer([1, 65535], 2000, 'Maximum number of open connections of each listener'),
  REFUSALS_PER_ADDRESS: integer(
    [1, 1_000_000],
    1000,
    'Maximum number of refused callbacks per address and minute. Further ones get 429. It never limits valid callbacks'
  ),
  REFUSALS_IN_ALL: integer(
    [1, 10_000_000],
    10_000,
    'Maximum number of refused callbacks of all addresses per minute'
  )
}
