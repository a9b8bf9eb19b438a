import pLimit from 'p-limit'
import type { Logger } from 'pino'
import Tinypool from 'tinypool'
import { ThreadEnded } from '../core/thread-ended.ts'
import type { ThreadSettings } from './body-thread.ts'
import { offLoop, type OffLoop, type Run } from './off-loop.ts'

/** The work on bodies; for large bodies it runs off the event loop. */
export interface BodyThread extends OffLoop {
  close(): Promise<void>
}

/** The thread has its own heap: 256 MB for each million JSON values. A full heap ends the thread, not the process. */
const LEAST_HEAP_MB = 256
/** V8's default for young objects would add 192 MB. */
const YOUNG_MB = 8
const MB_PER_VALUE = LEAST_HEAP_MB / 1_000_000
/** More than ten times the duration of the slowest body on a machine that other processes use as well. */
const MOST_MS = 30_000
const START_MS = 30_000
/** A thread without work for this time ends, which frees its memory. */
const IDLE_MS = 60_000

const FILE = import.meta.url.endsWith('.ts') ? './body-thread.ts' : './body-thread.js'

/**
 * Under `node --watch` a thread reports its imports to the main thread by a message. Tinypool takes it for an answer, and
 * waits for ever.
 */
function threadEnv(): Record<string, string> {
  const { WATCH_REPORT_DEPENDENCIES: _, ...env } = process.env
  return env as Record<string, string>
}

/**
 * Starts a thread with the first large body. There is never more than one thread: two of the largest bodies at once
 * would fill the memory of a small container.
 */
export function startBodyThread(
  settings: ThreadSettings,
  log: Logger,
  { mostMs = MOST_MS, mostHeapMb = heapFor(settings) } = {}
): BodyThread {
  // The caller may pass the whole configuration. The thread gets only the settings that it needs.
  const { secretKeys, sealResults, bodyValues } = settings
  const pool = new Tinypool({
    filename: new URL(FILE, import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
    env: threadEnv(),
    resourceLimits: { maxOldGenerationSizeMb: mostHeapMb, maxYoungGenerationSizeMb: YOUNG_MB },
    workerData: { secretKeys, sealResults, bodyValues } satisfies ThreadSettings
  })
  pool.on('error', (error: Error) => log.error({ error: codeOf(error) }, 'idle thread ended'))
  const inTurn = pLimit(1)
  let freeing: Promise<void> | null = null
  // The bytes are copied only when the thread is free, so no copy waits in memory.
  const run: Run = (name, bytes, taskOf) =>
    inTurn(async () => {
      await freeing
      await freeMemory(pool)
      const copy = new Uint8Array(bytes)
      const options = { name, signal: AbortSignal.timeout(mostMs), transferList: [copy.buffer] }
      try {
        return (await pool.run(taskOf(copy), options)) as never
      } catch (error) {
        if (!ENDINGS.has(codeOf(error))) throw error
        log.error(
          { task: name, size: bytes.length, error: codeOf(error) },
          'thread ended by a body'
        )
        throw new ThreadEnded(`${name} took its thread down`, { cause: error })
      } finally {
        // The caller does not wait until the memory is free. The next body does.
        freeing = freeMemory(pool).catch(() => {})
      }
    })
  return { ...offLoop(run, settings), close: () => pool.destroy() }
}

function heapFor({ bodyValues }: ThreadSettings): number {
  return Math.max(LEAST_HEAP_MB, Math.ceil(bodyValues * MB_PER_VALUE))
}

/** Runs before and after each body. It starts the thread, so that a slow or failed start is not blamed on the body. */
async function freeMemory(pool: Tinypool): Promise<void> {
  await pool.run(null, { name: 'freeMemory', signal: AbortSignal.timeout(START_MS) })
}

const ENDINGS: ReadonlySet<unknown> = new Set(['ERR_WORKER_OUT_OF_MEMORY', 'AbortError'])

function codeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
