import { spawn, type ChildProcess } from 'node:child_process'
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
