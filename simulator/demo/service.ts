import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { endProcess, hasEnded, killWithParent } from '../child-process.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** The service as a process of its own, not started yet; aborts `stop` where it ends without having been told to. */
export function createService(env: NodeJS.ProcessEnv, logFile: string, stop: AbortController) {
  let child: ChildProcess | undefined
  let isReady = false
  return { pid: () => child?.pid, isReady: () => isReady, start, end }

  /** Resolves once it is ready. */
  async function start(): Promise<void> {
    const log = openSync(logFile, 'a')
    // A process group of its own: Ctrl-C in the terminal is for the demo, which ends it in order.
    const options: SpawnOptions = { env, stdio: ['ignore', log, log], detached: true }
    child = spawn(process.execPath, [main], options)
    closeSync(log)
    killWithParent(child, dirname(logFile))
    child.once('error', (error) => stop.abort(error)).once('exit', endedByItself)
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)])
    const url = `http://127.0.0.1:${env['ADMIN_PORT']}/health/ready`
    const notYet = () => signal.throwIfAborted()
    while (!(await fetch(url, { signal }).then(({ ok }) => ok, notYet))) await pause(50)
    isReady = true
  }

  function endedByItself(code: number | null, signal: string | null): void {
    stop.abort(new Error(`the service ended by itself, with ${signal ?? code}`))
  }

  /** Rejects where it was ready, and SIGTERM does not end it in time and with code 0. */
  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (child === undefined || hasEnded(child)) return
    const mustEndWell = isReady && signal === 'SIGTERM'
    isReady = false
    child.off('exit', endedByItself)
    const code = await endProcess(child, signal, 12_000)
    if (mustEndWell && code !== 0) throw new Error(`the service ended with ${code}`)
  }
}
