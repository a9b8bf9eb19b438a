import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { untilItAnswers } from './redis-ping.ts'
import { endProcess, hasEnded, killWithParent } from './child-process.ts'

/** A Redis process that we started. */
export interface RedisServer {
  readonly pid: number | undefined
  /** Whether it has gone, by whatever cause. */
  hasEnded(): boolean
  /** Ends it, with SIGKILL if five seconds of SIGTERM don't; resolves when it is gone. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** What to start, and where. */
export interface RedisServerSettings {
  readonly binary: string
  readonly folder: string
  readonly port: number
  /** Further arguments, which beat ours. */
  readonly args?: readonly string[] | undefined
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Starts Redis so that nothing acknowledged is lost; resolves once it answers. */
export async function startServer(settings: RedisServerSettings): Promise<RedisServer> {
  // A process group of its own: Ctrl-C in the terminal must not end it before its clients.
  const child = spawn(settings.binary, argumentsOf(settings), {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, ...settings.env }
  })
  // Rejects as well: where the binary can't be run.
  const died = once(child, 'exit').then(async () => {
    throw new Error(await lastWords(settings))
  })
  died.catch(() => {})
  killWithParent(child, settings.folder)
  child.unref()
  try {
    await untilItAnswers(`redis://127.0.0.1:${settings.port}`, died)
  } catch (error) {
    await endProcess(child, 'SIGKILL', STOP_WITHIN_MS)
    throw new Error('the private Redis did not start', { cause: error })
  }
  return {
    pid: child.pid,
    hasEnded: () => hasEnded(child),
    async end(signal) {
      await endProcess(child, signal, STOP_WITHIN_MS)
    }
  }
}

function argumentsOf({ port, folder, args = [] }: RedisServerSettings): string[] {
  return [
    ...['--port', String(port), '--bind', '127.0.0.1'],
    ...['--dir', folder, '--logfile', join(folder, logFile)],
    ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
    ...['--maxmemory-policy', 'noeviction'],
    ...args
  ]
}

const STOP_WITHIN_MS = 5000
const logFile = 'redis.log'

async function lastWords({ folder }: RedisServerSettings): Promise<string> {
  const log = await readFile(join(folder, logFile), 'utf8').catch(() => '')
  return log.trim().split('\n').slice(-3).join('\n') || 'it ended without a word'
}
