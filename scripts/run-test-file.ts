import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Parser, type Result } from 'tap-parser'

/** What became of one test file. A todo counts as skipped. */
export interface FileResult {
  readonly file: string
  readonly ms: number
  readonly passed: number
  /** Asserts that failed. A file that fails for another reason counts as one. */
  readonly failed: readonly Failure[]
  readonly skipped: readonly Skip[]
  /** What the file printed beside its TAP. */
  readonly printed: string
}

export interface Failure {
  /** The names of the test and of its parents, or why the file itself failed. */
  readonly name: string
  readonly diag: Readonly<Record<string, unknown>>
}

export interface Skip {
  readonly name: string
  readonly reason: string
}

/** How to run a file. */
export interface RunOptions {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** A file that takes longer is ended, and has failed; it may ask for more by a TAP comment `timeout=<ms>`. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const BATCH = fileURLToPath(new URL('test-batch.ts', import.meta.url))

/** tap ends a file itself when its time is up, and says which test was running: it gets the time to do so. */
const GRACE_MS = 10_000
/** A file that ignores SIGTERM is killed. */
const KILL_AFTER_MS = 5_000

/**
 * Runs test files in one process, one after the other, and reads the TAP that it prints.
 * One file alone runs as `node FILE`. `report` is told of each once it has ended.
 */
export async function runTestFiles(
  files: readonly string[],
  options: RunOptions,
  report: (result: FileResult) => void = () => undefined
): Promise<FileResult[]> {
  const tap = readTap(files, report)
  if (options.signal.aborted) return tap.end('stopped', null)
  const child = spawn(process.execPath, files.length === 1 ? [...files] : [BATCH], {
    cwd: options.cwd,
    env: { ...options.env, FILES: JSON.stringify(files) },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => tap.parser.write(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => tap.print(text))

  let endedFor: string | null = null
  const end = (reason: string) => {
    endedFor ??= reason
    child.kill('SIGTERM')
    setTimeout(() => {
      child.kill('SIGKILL')
      // What the file has started may hold its pipes open, and this process with them.
      child.stdout.destroy()
      child.stderr.destroy()
    }, KILL_AFTER_MS).unref()
  }
  const limitTime = (ms: number) => setTimeout(() => end(`took more than ${ms / 1000} s`), ms)
  let timer = limitTime(options.timeoutMs)
  tap.parser.on('comment', (comment: string) => {
    const asked = /^# timeout=(\d+)$/m.exec(comment)?.[1]
    if (asked === undefined) return
    clearTimeout(timer)
    timer = limitTime(Number(asked) + GRACE_MS)
  })
  const abort = () => end('stopped')
  options.signal.addEventListener('abort', abort)
  const code = await new Promise<number | string | null>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    child.on('close', (exitCode, signal) => resolve(exitCode ?? signal))
  })
  clearTimeout(timer)
  options.signal.removeEventListener('abort', abort)

  return tap.end(endedFor, code)
}

/** Collects the asserts of files that run one after the other. */
function readTap(files: readonly string[], report: (result: FileResult) => void) {
  const parser = new Parser()
  const results = files.map(noResult)
  const startedAt = performance.now()
  let current = 0
  /** What comes after the last file's end is the last file's. */
  const running = () => {
    const result = results[Math.min(current, results.length - 1)]
    if (result === undefined) throw new Error('a run of no file')
    return result
  }
  const finish = (ms: number) => {
    const result = running()
    result.ms = Math.round(ms)
    if (result.passed + result.failed.length + result.skipped.length === 0) {
      result.failed.push(failure('it asserts nothing'))
    }
    report(result)
    current += 1
  }
  parser.on('comment', (comment: string) => {
    const ms = /^# file-ended-after=(\d+)$/m.exec(comment)?.[1]
    if (ms !== undefined) finish(Number(ms))
  })
  parser.on('pass', () => (running().passed += 1))
  parser.on('fail', (result: Result) => {
    running().failed.push({ name: result.fullname, diag: result.diag ?? {} })
  })
  for (const event of ['skip', 'todo'] as const) {
    parser.on(event, (result: Result) => {
      running().skipped.push({ name: result.fullname, reason: reasonOf(result) })
    })
  }
  const print = (text: string) => (running().printed += text)
  parser.on('extra', print)

  return {
    parser,
    print,
    end(endedFor: string | null, code: number | string | null): FileResult[] {
      parser.end()
      const hasFailed = results.some(({ failed }) => failed.length > 0)
      const problem = endedFor ?? (hasFailed ? null : problemOf(parser, code))
      if (problem !== null) running().failed.push(failure(problem))
      if (current < results.length) finish(performance.now() - startedAt)
      for (const result of results.slice(current)) {
        result.failed.push(failure('not run'))
        report(result)
      }
      return results
    }
  }
}

function noResult(file: string) {
  const failed: Failure[] = []
  const skipped: Skip[] = []
  return { file, ms: 0, passed: 0, failed, skipped, printed: '' }
}

function failure(name: string): Failure {
  return { name, diag: {} }
}

/** Why a process failed although none of its asserts did, or null. */
function problemOf(parser: Parser, code: number | string | null): string | null {
  if (parser.bailedOut !== false) return `bailed out: ${String(parser.bailedOut)}`
  if (code !== 0) return `ended with ${code}`
  return parser.results?.ok ? null : 'its TAP is incomplete'
}

function reasonOf({ skip, todo }: Result): string {
  const reason = [skip, todo].find((one) => typeof one === 'string' && one !== '')
  return String(reason ?? (todo ? 'not done yet' : 'no reason given'))
}
