import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findRedis } from './find-redis.ts'
import { startServer, type RedisServer, type RedisServerSettings } from './redis-server.ts'
import { freePort } from './free-port.ts'
import { untilItAnswers } from './redis-ping.ts'

/** A Redis to work with: either one that was there already, or one started just for this. */
export interface PrivateRedis {
  readonly url: string
  /** The process and its folder, where it is ours. */
  readonly pid: number | undefined
  readonly folder: string | undefined
  /** Ends it and removes its folder; of one that is not ours, it removes the keys with the given prefix. */
  stop(): Promise<void>
  /** Ends it if it runs and starts it again, on the same port and with the same data. */
  restart(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. */
  kill(): Promise<void>
  /** Whether the process has gone, by whatever cause; never of one that is not ours. */
  hasEnded(): boolean
}

/** What to start, or to use instead. */
export interface PrivateRedisSettings extends Pick<RedisServerSettings, 'args' | 'env'> {
  /** Used as it is; by default REDIS_URL. null starts one in any case. */
  readonly url?: string | null | undefined
  /** The prefix of the queues that are removed in the end, where Redis is not ours; by default none is. */
  readonly prefix?: string
  /** Gets a line about what takes long. */
  readonly log?: (line: string) => void
  /** Where its folder is made; by default among the temporary files. */
  readonly parent?: string
}

/** Gives a Redis that answers; throws, saying what to install, where there is none to be had. */
export async function startRedis(settings: PrivateRedisSettings = {}): Promise<PrivateRedis> {
  const { url = process.env['REDIS_URL'], prefix } = settings
  return url ? useExisting(url, prefix) : startOwn(settings)
}

async function useExisting(url: string, prefix?: string): Promise<PrivateRedis> {
  await untilItAnswers(url).catch((cause: Error) => {
    const advice = 'start it, correct REDIS_URL, or unset it to have a private one started'
    throw new Error(`${cause.message}: ${advice}`, { cause })
  })
  const refuse = () => Promise.reject(new Error('this Redis was not started here'))
  return {
    url,
    pid: undefined,
    folder: undefined,
    stop: async () => {
      if (prefix !== undefined) await removeQueues(url, prefix)
    },
    restart: refuse,
    kill: refuse,
    hasEnded: () => false
  }
}

async function removeQueues(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 3 }).on('error', () => {})
  const pages = redis.scanStream({ match: `*${prefix}:*`, count: 1000 }) as AsyncIterable<string[]>
  try {
    for await (const keys of pages) if (keys.length > 0) await redis.unlink(...keys)
  } finally {
    redis.disconnect()
  }
}

async function startOwn(own: PrivateRedisSettings): Promise<PrivateRedis> {
  const { log = () => {}, parent = tmpdir(), args, env } = own
  const binary = await findRedis({ log })
  const folder = await mkdtemp(join(parent, 'khipu-redis-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  const port = await freePort()
  const settings = { binary, folder, port, args, env }
  let server: RedisServer = await startServer(settings).catch((error: unknown) => {
    removeFolder()
    throw error
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    folder,
    get pid() {
      return server.pid
    },
    async stop() {
      await server.end('SIGTERM')
      process.off('exit', removeFolder)
      await rm(folder, { recursive: true, force: true })
    },
    async restart() {
      await server.end('SIGTERM')
      server = await startServer(settings)
    },
    kill: () => server.end('SIGKILL'),
    hasEnded: () => server.hasEnded()
  }
}
