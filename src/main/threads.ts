import pLimit from 'p-limit'
import type { Logger } from 'pino'
import Tinypool from 'tinypool'
import { TookDown } from '../core/took-down.ts'
import type { Answer } from '../core/answer.ts'
import { classify, type Classify } from '../khipu/classify.ts'
import { createSealer, sealBody } from '../ledger/seal.ts'
import { type Compose, type Composed, composeHere } from '../queue/compose.ts'
import { LARGE_BYTES } from '../schemas/large.ts'
import { type Examine, type Examined, examineHere } from '../server/examine.ts'
import type { Classification, Composition, Examination, ThreadSettings } from './body-thread.ts'

/** What is done off the event loop where a body is large. */
export interface Threads {
  readonly examine: Examine
  readonly compose: Compose
  readonly classify: Classify
  close(): Promise<void>
}

/** Its own memory, a million values by 256 MB: what fills it ends the thread, and not the process. */
const LEAST_HEAP_MB = 256
/** By default V8 would give it 192 MB more for what is young. */
const YOUNG_MB = 8
/** What one body has filled is not left behind for the next. */
const RECYCLED_ABOVE_BYTES = 64 * 1024 * 1024
const MB_PER_VALUE = LEAST_HEAP_MB / 1_000_000
/** More than ten times what the worst body takes where others use the machine as well. */
const MOST_MS = 30_000
const START_MS = 30_000
/** A thread without work is given up, and its memory with it. */
const IDLE_MS = 60_000

const FILE = import.meta.url.endsWith('.ts') ? './body-thread.ts' : './body-thread.js'

/** Starts a thread with the first large body. Ever one: two of the worst bodies at once would fill a small container. */
export function startThreads(
  settings: ThreadSettings,
  log: Logger,
  { mostMs = MOST_MS, mostHeapMb = heapFor(settings) } = {}
): Threads {
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
  // The bytes are copied when the thread is free for them: no copy waits.
  const run: Run = (name, bytes, taskOf) =>
    inTurn(async () => {
      await freshThread(pool)
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
        throw new TookDown(`${name} took its thread down`, { cause: error })
      }
    })
  return {
    examine: examineLarge(run, settings),
    compose: composeLarge(run, settings),
    classify: classifyLarge(run),
    close: () => pool.destroy()
  }
}

function heapFor({ bodyValues }: ThreadSettings): number {
  return Math.max(LEAST_HEAP_MB, Math.ceil(bodyValues * MB_PER_VALUE))
}

/** A thread that can't start, or does so slowly, is no fault of the body. One whose heap has grown gives way to another. */
async function freshThread(pool: Tinypool): Promise<void> {
  const heapOf = () => pool.run(null, { name: 'heap', signal: AbortSignal.timeout(START_MS) })
  if (Number(await heapOf()) <= RECYCLED_ABOVE_BYTES) return
  await pool.recycleWorkers()
  await heapOf()
}

/** Runs a task on the thread; rejects with TookDown where that ended, by its memory or its time. */
type Run = <Result>(
  name: 'examine' | 'compose' | 'classify',
  bytes: Uint8Array,
  taskOf: (copy: Uint8Array) => Examination | Composition | Classification
) => Promise<Result>

const ENDINGS: ReadonlySet<unknown> = new Set(['ERR_WORKER_OUT_OF_MEMORY', 'AbortError'])

function codeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

const UNREADABLE = {
  path: '',
  rule: 'too-much',
  message: 'takes more memory or time to read than a callback may'
}

function examineLarge(run: Run, { secretKeys, bodyValues }: ThreadSettings): Examine {
  const sealer = createSealer(secretKeys)
  const here = examineHere(sealer, bodyValues)
  return async (body, isEncoded, requestId) => {
    if (body.length <= LARGE_BYTES) return here(body, isEncoded, requestId)
    try {
      return await run<Examined>('examine', body, (copy) => ({ body: copy, isEncoded, requestId }))
    } catch (error) {
      if (!(error instanceof TookDown)) throw error
      // It was paid for: whatever it is, it is kept.
      const verdict = { type: 'refused', status: 422, faults: [UNREADABLE] } as const
      return { verdict, sealed: sealBody(sealer, body, requestId) }
    }
  }
}

function composeLarge(run: Run, { secretKeys, sealResults }: ThreadSettings): Compose {
  const here = composeHere(sealResults ? createSealer(secretKeys, 'result').seal : null)
  return async (head, envelope, jobId) => {
    if (
      envelope === null ||
      envelope instanceof Uint8Array ||
      envelope.sealed.length <= LARGE_BYTES
    )
      return here(head, envelope, jobId)
    const { requestId, callbackId, sealed } = envelope
    return run<Composed>('compose', sealed, (copy) => ({
      head,
      stored: { requestId, callbackId, sealed: copy },
      jobId
    }))
  }
}

function classifyLarge(run: Run): Classify {
  return async (http, now) => {
    const { body, ...rest } = http
    if (body.length <= LARGE_BYTES || http.defect !== undefined) return classify(http, now)
    try {
      const empty = { ...rest, body: Buffer.alloc(0) }
      return await run<Answer>('classify', body, (copy) => ({ http: empty, body: copy, now }))
    } catch (error) {
      if (!(error instanceof TookDown)) throw error
      const { message } = UNREADABLE
      return classify({ ...http, defect: { rule: 'too-much', message } }, now)
    }
  }
}
