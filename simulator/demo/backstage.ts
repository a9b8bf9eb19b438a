import { existsSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What has to be cleaned up in the end, however far the start got. */
export interface Backstage {
  /** The service's log; its folder is removed when this process ends, unless it is wanted. */
  readonly logFile: string
  /** Has this done when the stage is cleared; the last one added comes first. */
  add(closer: () => Promise<void>): void
  /** Ends everything that was started, each even if another can't be ended; resolves with what went wrong. */
  clear(): Promise<readonly Error[]>
  /** Keeps the log for whoever looks for the fault; says where it is and how it ends. */
  keepLog(): string
}

/** A folder of our own, and nothing started yet. */
export async function openBackstage(): Promise<Backstage> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-demo-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  const logFile = join(folder, 'service.log')
  const closers: (() => Promise<void>)[] = []
  return {
    logFile,
    add: (closer) => void closers.push(closer),
    async clear() {
      const errors: Error[] = []
      for (let closer = closers.pop(); closer; closer = closers.pop()) {
        await closer().catch((error: Error) => errors.push(error))
      }
      return errors
    },
    keepLog() {
      const log = existsSync(logFile) ? readFileSync(logFile, 'utf8').trim() : ''
      if (log === '') return 'the service has logged nothing so far'
      process.off('exit', removeFolder)
      const end = log.split('\n').slice(-LAST_LINES)
      return [`the service's log is kept in ${logFile} and ends with:`, ...end].join('\n  ')
    }
  }
}

const LAST_LINES = 5
