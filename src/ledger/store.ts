import { createHash } from 'node:crypto'
import type { Cipher } from '../crypto/encrypt.ts'
import type { Connection } from '../redis/connect.ts'
import { type BuildKey, keysOf } from './keys.ts'
import { openScripts, type Scripts } from './scripts.ts'

/** The common parts of the ledger's modules: a connection, its scripts, its keys and the cipher. */
export interface Store {
  readonly redis: Connection
  readonly cipher: Cipher
  /** The hash tag of all its keys, `{khipu:0}`. */
  readonly tag: string
  readonly key: BuildKey
  readonly scripts: Scripts
}

/** Defines the scripts on a connection, with events of what they change or without, and builds the keys under one hash tag. */
export function openStore(
  redis: Connection,
  cipher: Cipher,
  tag: string,
  keepsEvents: boolean
): Store {
  return { redis, cipher, tag, key: keysOf(tag), scripts: openScripts(redis, tag, keepsEvents) }
}

/** The name of a text that may hold any character. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** The lowest id that a request can have from an instant on: the first half of a UUIDv7 is its instant. */
export function firstIdAt(instant: number): string {
  const hex = Math.max(0, instant).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

/** The bounds of an index by id, of the requests that were asked for from an instant on and before another. */
export function boundsBetween(
  since: number | null,
  until: number | null
): readonly [oldest: string, newest: string] {
  return [
    since === null ? '-' : `[${firstIdAt(since)}`,
    until === null ? '+' : `(${firstIdAt(until)}`
  ]
}

/** When a request was asked for, in ms since 1970, by the clock of the process that took it. */
export function instantOf(requestId: string): number {
  return Number.parseInt(requestId.replace('-', '').slice(0, 12), 16)
}

/** A hash as the scripts reply with it: name, value, … */
export function mapOf(fields: readonly string[]): Map<string, string> {
  const pairs = fields.flatMap((name, at) =>
    at % 2 === 0 ? [[name, fields[at + 1] ?? ''] as const] : []
  )
  return new Map(pairs)
}
