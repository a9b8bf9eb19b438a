import type { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { refusalOf } from './refusal.ts'

/**
 * Ensures that a connection, or a duplicate of it, becomes ready only in the required database. Where Redis refuses
 * SELECT, ioredis 6.0.0 reports the error and goes on in database 0, and would write every key there. This function
 * closes the connection before any other command is sent. ioredis then reconnects, as after any other loss.
 */
export function requireDatabase(redis: Redis): Redis {
  const { select, duplicate } = redis
  // `connector` is private to ioredis. ioredis calls its `check` as the last step before a connection is ready.
  const connector = Reflect.get(redis, 'connector') as { check(info: object): boolean }
  const { check } = connector
  let isSelected = true
  connector.check = (info) => isSelected && check.call(connector, info)
  return Object.assign(redis, {
    select(...args: Parameters<typeof select>) {
      const selecting = select.apply(redis, args)
      selecting.then(
        () => (isSelected = true),
        () => (isSelected = false)
      )
      return selecting
    },
    duplicate: (...args: Parameters<typeof duplicate>) =>
      requireDatabase(duplicate.apply(redis, args))
  })
}

/** True for the error of a connection whose database Redis refuses. */
export function isRefusedDatabase(error: Error): boolean {
  const { command } = error as { command?: { name?: string } }
  return error.name === 'ReplyError' && command?.name === 'select'
}

/** Returns a warning while Redis refuses the database, with the remedy; null otherwise. */
export function watchDatabase(connection: EventEmitter): () => string | null {
  let refusal: string | null = null
  connection.on('error', (error: Error) => {
    refusal = isRefusedDatabase(error) ? (refusalOf(error) ?? 'for a reason of its own') : null
  })
  connection.on('ready', () => (refusal = null))
  return () =>
    refusal &&
    `it refuses the database that REDIS_URL names (${refusal}): name another, or allow its user +select`
}
