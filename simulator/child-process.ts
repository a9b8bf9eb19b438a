import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'

/** Kills a child process when this one exits. When this one is killed, the child's folder is removed as well. */
export function killWithParent(child: ChildProcess, folder: string): void {
  if (child.pid === undefined) return
  const killChild = () => child.kill('SIGKILL')
  process.once('exit', killChild)
  // The pipe to the guard closes with this process, however it ends.
  const guard = spawn('/bin/sh', ['-c', guardScript, 'sh', String(child.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true
  })
  guard.on('error', () => {})
  child.once('exit', () => {
    process.off('exit', killChild)
    guard.kill('SIGKILL')
  })
  guard.unref()
  ;(guard.stdin as Socket).unref()
}

const guardScript = 'read -r _; kill -9 "$1"; rm -rf "$2"'

/** Whether it has ended, for whatever reason, or has never started. */
export function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null
}

/** Ends it, with SIGKILL where the signal does not help in time; resolves with its exit code or its signal. */
export async function endProcess(
  child: ChildProcess,
  signal: 'SIGTERM' | 'SIGKILL',
  withinMs: number
): Promise<number | NodeJS.Signals | null> {
  if (!hasEnded(child)) {
    const gone = once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
    await gone
    clearTimeout(timer)
  }
  return child.exitCode ?? child.signalCode
}
