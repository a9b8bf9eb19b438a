import { createHash } from 'node:crypto'
import type { Connection } from '../redis/connect.ts'
import type { Sealer } from '../crypto/encrypt.ts'
import { SCRIPTS } from './scripts.ts'

type Arguments = readonly (string | number | Uint8Array)[]
type Reply = string | number | null | readonly Reply[]
type Script = (tag: string, ...args: Arguments) => Promise<Reply>

/** What the ledger's parts share: a connection that knows the scripts, the partition's tag, and the sealer. */
export interface Store {
  readonly redis: Connection
  readonly sealer: Sealer
  /** The hash tag that all keys of the partition begin with, `{khipu:0}`. */
  readonly tag: string
  key(name: string, id?: string): string
  run(script: string, ...args: Arguments): Promise<Reply>
}

/** Defines the scripts on a connection and builds the keys of one partition. */
export function openStore(redis: Connection, sealer: Sealer, tag: string): Store {
  for (const [name, lua] of Object.entries(SCRIPTS)) {
    redis.defineCommand(commandOf(name), { numberOfKeys: 1, lua })
  }
  return {
    redis,
    sealer,
    tag,
    key: (name, id) => [tag, name, ...(id === undefined ? [] : [id])].join(':'),
    run: (script, ...args) => {
      const command = Reflect.get(redis, commandOf(script)) as Script
      return command.call(redis, tag, ...args.map(asBuffer))
    }
  }
}

/** The tag of a partition under a queue prefix, which may carry braces of its own on a Cluster. */
export function partitionTag(queuePrefix: string, partition: number): string {
  return `{${queuePrefix.replaceAll(/[{}]/g, '')}:${partition}}`
}

/** The index name of a caller's reference, which may hold any character. */
export function referenceHash(reference: string | null): string {
  return reference === null ? '' : createHash('sha256').update(reference).digest('base64url')
}

/** The client writes bytes that are no Buffer, as they come from a thread, as a list of numbers. */
function asBuffer(value: Arguments[number]): Arguments[number] {
  if (!(value instanceof Uint8Array)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function commandOf(script: string): string {
  return `khipuLedger${script.charAt(0).toUpperCase()}${script.slice(1)}`
}
