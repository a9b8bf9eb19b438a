import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'

/** Linux counts the CPU time of a process in hundredths of a second. */
const TICKS = 100

/** CPU seconds of a process so far, user and system; 0 where the system does not say. */
export function cpuOf(pid: number | undefined): number {
  const text = readText(`/proc/${pid}/stat`)
  // The name of the program stands in parentheses and may hold spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS
}

/** Resident memory of a process in bytes, now or at its peak; 0 where the system does not say. */
export function memoryOf(pid: number | undefined, which: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const text = readText(`/proc/${pid}/status`)
  return Number(new RegExp(`^${which}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** What Redis has counted so far. */
export interface RedisCounts {
  /** Reads from sockets: what arrives together counts once. */
  readonly reads: number
  /** Commands, those of scripts included. */
  readonly commands: number
}

/** The two INFO calls of a reading, which the difference of two readings must not count. */
const OWN_CALLS = 2

export async function countsOf(client: Redis): Promise<RedisCounts> {
  const [stats, commands] = [await client.info('stats'), await client.info('commandstats')]
  const calls = [...commands.matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm)]
  return {
    reads: Number(/^total_reads_processed:(\d+)/m.exec(stats)?.[1] ?? 0),
    commands: calls.reduce((sum, [, count]) => sum + Number(count), 0)
  }
}

export function countsBetween(before: RedisCounts, after: RedisCounts): RedisCounts {
  return {
    reads: after.reads - before.reads - OWN_CALLS,
    commands: after.commands - before.commands - OWN_CALLS
  }
}

/** Bytes of Redis's memory that hold data: no buffers of clients and of the append-only file. */
export async function dataBytes(client: Redis): Promise<number> {
  const info = await client.info('memory')
  const of = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  return of('used_memory') - of('mem_clients_normal') - of('mem_aof_buffer')
}

/** The same when nothing is under way, without BullMQ's streams of events. Their length is bounded. */
export async function settledBytes(client: Redis): Promise<number> {
  const streams = await client.keys('*:events')
  if (streams.length > 0) await client.del(...streams)
  await pause(500)
  return dataBytes(client)
}

/** Bytes of the append-only file. */
export async function fileBytes(client: Redis): Promise<number> {
  return Number(/^aof_current_size:(\d+)/m.exec(await client.info('persistence'))?.[1] ?? 0)
}
