import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Redis } from 'ioredis'

/** What Redis holds: bytes of memory, but for its clients' buffers, and of its append-only files. */
export interface Reading {
  readonly memory: number
  readonly file: number
}

/** Reads both, without the streams of events that BullMQ keeps at a bounded length. */
export async function readRedis(client: Redis, folder: string): Promise<Reading> {
  for (const stream of await client.keys('*:events')) await client.del(stream)
  const info = await client.info('memory')
  const of = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
  const memory = of('used_memory') - of('mem_clients_normal') - of('mem_aof_buffer')
  const names = await readdir(join(folder, 'appendonlydir'))
  const stats = await Promise.all(names.map((name) => stat(join(folder, 'appendonlydir', name))))
  return { memory, file: stats.reduce((sum, { size }) => sum + size, 0) }
}

/** Of fewer events a stream tells little about what each takes. */
const TELLING = 500

/** Notes down how large each of BullMQ's streams of events is at its bound of ten thousand, where it is long enough to tell. */
export async function measureEvents(client: Redis, sizes: Map<string, number>): Promise<void> {
  for (const stream of await client.keys('*:events')) {
    const length = await client.xlen(stream)
    const bytes = Number(await client.call('MEMORY', 'USAGE', stream, 'SAMPLES', '0'))
    if (length >= TELLING) sizes.set(stream, (bytes / length) * 10_000)
  }
}
