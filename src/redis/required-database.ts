import type { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { refusalOf } from './refusal.ts'

/**
 * Sees to it that a connection, or a duplicate of it, is ready only in the database that was asked for. Where Redis
 * refuses SELECT, ioredis 6.0.0 reports it and goes on in database 0: every key would be written there. Here the
 * connection is closed before anything else is sent on it, and made anew, as after every other loss.
 */
export function requireDatabase(redis: Redis): Redis {
  const { select, duplicate } = redis
  // It is private to ioredis, which asks it last of all whether a connection is good.
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

/** True of the error with which a connection tells that Redis refuses the database. */
export function isRefusedDatabase(error: Error): boolean {
  const { command } = error as { command?: { name?: string } }
  return error.name === 'ReplyError' && command?.name === 'select'
}

/** Tells, while Redis refuses the database, what to do about it; null otherwise. */
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
