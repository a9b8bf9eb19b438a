import pLimit from 'p-limit'
import type { Logger } from 'pino'
import Tinypool from 'tinypool'
import { ThreadEnded } from '../core/fatal-body.ts'
import type { ThreadSettings } from './body-thread.ts'
import { offLoop, type OffLoop, type Run } from './off-loop.ts'

/** What is done off the event loop where a body is large. */
export interface BodyThread extends OffLoop {
  close(): Promise<void>
}

/** Its own memory, a million values by 256 MB: what fills it ends the thread, and not the process. */
const LEAST_HEAP_MB = 256
/** By default V8 would give it 192 MB more for what is young. */
const YOUNG_MB = 8
const MB_PER_VALUE = LEAST_HEAP_MB / 1_000_000
/** More than ten times what the worst body takes where others use the machine as well. */
const MOST_MS = 30_000
const START_MS = 30_000
/** A thread without work is given up, and its memory with it. */
const IDLE_MS = 60_000

const FILE = import.meta.url.endsWith('.ts') ? './body-thread.ts' : './body-thread.js'

/** Starts a thread with the first large body. Ever one: two of the worst bodies at once would fill a small container. */
export function startBodyThread(
  settings: ThreadSettings,
  log: Logger,
  { mostMs = MOST_MS, mostHeapMb = heapFor(settings) } = {}
): BodyThread {
  // Of a whole configuration only what a thread needs goes there.
  const { secretKeys, sealResults, bodyValues } = settings
  const pool = new Tinypool({
    filename: new URL(FILE, import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: mostHeapMb, maxYoungGenerationSizeMb: YOUNG_MB },
    workerData: { secretKeys, sealResults, bodyValues } satisfies ThreadSettings
  })
  pool.on('error', (error: Error) => log.error({ error: codeOf(error) }, 'idle thread ended'))
  const inTurn = pLimit(1)
  let freeing: Promise<void> | null = null
  // The bytes are copied when the thread is free for them: no copy waits.
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
        // The caller need not wait for it; the next body does.
        freeing = freeMemory(pool).catch(() => {})
      }
    })
  return { ...offLoop(run, settings), close: () => pool.destroy() }
}

function heapFor({ bodyValues }: ThreadSettings): number {
  return Math.max(LEAST_HEAP_MB, Math.ceil(bodyValues * MB_PER_VALUE))
}

/** Before and behind a body. A thread that can't start, or starts slowly, is no fault of the body. */
async function freeMemory(pool: Tinypool): Promise<void> {
  await pool.run(null, { name: 'freeMemory', signal: AbortSignal.timeout(START_MS) })
}

const ENDINGS: ReadonlySet<unknown> = new Set(['ERR_WORKER_OUT_OF_MEMORY', 'AbortError'])

function codeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
