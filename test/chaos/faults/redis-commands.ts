import { createHash } from 'node:crypto'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { SOURCES } from '../../../src/ledger/scripts.ts'

/** A command on its way to Redis: what it says, and its bytes on the wire. */
export interface Command {
  readonly words: readonly string[]
  readonly bytes: Buffer
}

/**
 * Cuts what one client sends into commands, however it was chunked. Clients send arrays of bulk strings only;
 * null for anything else.
 */
export function createCommandReader(): (chunk: Buffer) => readonly Command[] | null {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    const found: Command[] = []
    for (let one = firstOf(rest); one !== null; one = firstOf(rest)) {
      found.push(one)
      rest = rest.subarray(one.bytes.length)
    }
    return rest.length > 0 && rest.toString('latin1', 0, 1) !== '*' ? null : found
  }
}

function firstOf(bytes: Buffer): Command | null {
  if (bytes.toString('latin1', 0, 1) !== '*') return null
  const head = lengthAt(bytes, 0)
  if (head === null) return null
  const words: string[] = []
  let at = head.end
  for (let word = 0; word < head.length; word++) {
    const one = lengthAt(bytes, at)
    if (one === null || bytes.length < one.end + one.length + 2) return null
    words.push(bytes.toString('latin1', one.end, one.end + one.length))
    at = one.end + one.length + 2
  }
  return { words, bytes: bytes.subarray(0, at) }
}

function lengthAt(bytes: Buffer, at: number) {
  const line = bytes.indexOf('\r\n', at)
  if (line === -1) return null
  return { length: Number(bytes.toString('latin1', at + 1, line)), end: line + 2 }
}

/** The names of the Lua scripts, ours and BullMQ's, by their SHA-1 as EVALSHA has it. */
export async function scriptNames(redisUrl: string): Promise<ReadonlyMap<string, string>> {
  const names = new Map(Object.entries(SOURCES).map(([name, lua]) => [sha1(lua), name]))
  const client = new Redis(redisUrl, { maxRetriesPerRequest: null, replyMapping: 'legacy' })
  const define = client.defineCommand.bind(client)
  client.defineCommand = (name, definition) => {
    names.set(sha1(definition.lua), name.replace(/:.*$/, ''))
    define(name, definition)
  }
  const queue = new Queue('names', {
    connection: client,
    skipVersionCheck: true,
    skipMetasUpdate: true
  })
  await queue.waitUntilReady()
  await queue.close()
  client.disconnect()
  return names
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

/** What changes nothing, what a worker does that has nothing to do, and the trap's own. */
const NO_STEP: ReadonlySet<string> = new Set([
  ...['hello', 'auth', 'select', 'client', 'info', 'ping', 'echo', 'time', 'config', 'script'],
  ...['get', 'hget', 'hmget', 'hgetall', 'exists', 'pttl', 'type', 'smembers', 'zscore', 'zcard'],
  ...['zrange', 'zrangebyscore', 'zrevrange', 'zrevrangebylex', 'lrange', 'wait'],
  ...[
    'bzpopmin',
    'moveStalledJobsToWait',
    'extendLock',
    'extendLocks',
    'tidy',
    'totals',
    'isFinished'
  ],
  ...['zremrangebyscore', 'getState', 'getStateV2', 'getCounts']
])

/**
 * The name of a step towards the end of a request, such as `commit` or `moveToActive send`: everything
 * that may change what Redis holds, and the load that every handler begins with. Null for the rest.
 */
export function stepOf({ words }: Command, names: ReadonlyMap<string, string>): string | null {
  const [verb = '', first = '', , third = ''] = words
  const command = verb.toLowerCase()
  const isScript = command === 'evalsha' || command === 'eval'
  const sha = command === 'eval' ? sha1(first) : first
  const name = isScript ? (names.get(sha) ?? sha) : command
  if (NO_STEP.has(name)) return null
  const part = partOf(isScript ? third : first)
  return part === '' ? name : `${name} ${part}`
}

/** The part of a key that tells what it is for: the queue, or the ledger's own name of it. */
export function partOf(key: string): string {
  return key.split(':').find((part, index) => index > 0 && !part.endsWith('}')) ?? ''
}
