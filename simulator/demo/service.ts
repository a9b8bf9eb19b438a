import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { killWithParent } from '../child-process.ts'

/** What the service is started with. */
export interface ServiceSettings {
  readonly env: NodeJS.ProcessEnv
  readonly adminUrl: string
  readonly logFile: string
  /** Breaks off the waiting for a start. */
  readonly signal: AbortSignal
  /** Called when the service ends without having been told to. */
  readonly died: (error: Error) => void
}

/** The service as a process of its own, as it is run in earnest. */
export interface Service {
  readonly pid: number | undefined
  /** Whether it has said that it is ready, and has not been ended since. */
  readonly isReady: boolean
  /** Starts it; resolves once it is ready. */
  start(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. */
  kill(): Promise<void>
  /** Ends it with SIGTERM; rejects if it was ready and takes too long, or ends with another code than 0. */
  stop(): Promise<void>
}

const START_WITHIN_MS = 20_000
const STOP_WITHIN_MS = 12_000

/** The service, not started yet. */
export function createService(settings: ServiceSettings): Service {
  let child: ChildProcess | undefined
  let isReady = false
  return {
    get pid() {
      return child?.pid
    },
    get isReady() {
      return isReady
    },
    async start() {
      child = launch(settings)
      await untilReady(settings)
      isReady = true
    },
    async kill() {
      isReady = false
      await end(child, 'SIGKILL')
    },
    async stop() {
      const wasReady = isReady
      isReady = false
      const endedWith = await end(child, 'SIGTERM')
      if (!wasReady || endedWith === 0) return
      throw new Error(`the service was told to stop and ended with ${endedWith}`)
    }
  }
}

const mainFile = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const told = new WeakSet<ChildProcess>()

function launch({ env, logFile, died }: ServiceSettings): ChildProcess {
  const log = openSync(logFile, 'a')
  // A process group of its own: Ctrl-C in the terminal is for the demo, which ends it in order.
  const child = spawn(process.execPath, [mainFile], {
    env,
    stdio: ['ignore', log, log],
    detached: true
  })
  closeSync(log)
  killWithParent(child, dirname(logFile))
  child.once('error', (cause) => died(new Error('the service could not be started', { cause })))
  child.once('exit', (code, signal) => {
    if (!told.has(child)) died(new Error(`the service ended by itself, with ${signal ?? code}`))
  })
  return child
}

async function untilReady({ adminUrl, signal }: ServiceSettings): Promise<void> {
  const deadline = performance.now() + START_WITHIN_MS
  while (!(await isReadyAt(adminUrl, signal))) {
    signal.throwIfAborted()
    if (performance.now() > deadline) throw new Error('the service did not get ready within 20 s')
    await pause(50, undefined, { signal })
  }
}

async function isReadyAt(adminUrl: string, signal: AbortSignal): Promise<boolean> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(2000)])
  return fetch(`${adminUrl}/health/ready`, { signal: limit }).then(
    ({ ok }) => ok,
    () => false
  )
}

/** Resolves with the code or the signal that it ended with; 0 where there was nothing to end. */
async function end(child: ChildProcess | undefined, signal: 'SIGTERM' | 'SIGKILL') {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return 0
  told.add(child)
  const gone = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  child.kill(signal)
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  const [code, endedBy] = await gone
  clearTimeout(impatience)
  return endedBy ?? code
}
