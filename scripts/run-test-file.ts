import { spawn } from 'node:child_process'
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

/** tap ends a file itself when its time is up, and says which test was running: it gets the time to do so. */
const GRACE_MS = 10_000
/** A file that ignores SIGTERM is killed. */
const KILL_AFTER_MS = 5_000

/** Runs one test file in a process of its own, as `node FILE`, and reads the TAP that it prints. */
export async function runTestFile(file: string, options: RunOptions): Promise<FileResult> {
  if (options.signal.aborted) return notRun(file)
  const startedAt = performance.now()
  const tap = readTap()
  const child = spawn(process.execPath, [file], {
    cwd: options.cwd,
    env: options.env,
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

  return { file, ms: Math.round(performance.now() - startedAt), ...tap.end(endedFor, code) }
}

/** The result of a file that was not started, because the run was stopped. */
function notRun(file: string): FileResult {
  const failed = [{ name: 'stopped', diag: {} }]
  return { file, ms: 0, passed: 0, failed, skipped: [], printed: '' }
}

/** Collects the asserts of one file. */
function readTap() {
  const parser = new Parser()
  const failed: Failure[] = []
  const skipped: Skip[] = []
  const printed: string[] = []
  let passed = 0
  parser.on('pass', () => (passed += 1))
  parser.on('fail', (result: Result) => {
    failed.push({ name: result.fullname, diag: result.diag ?? {} })
  })
  for (const event of ['skip', 'todo'] as const) {
    parser.on(event, (result: Result) => {
      skipped.push({ name: result.fullname, reason: reasonOf(result) })
    })
  }
  parser.on('extra', (text: string) => printed.push(text))

  return {
    parser,
    print: (text: string) => printed.push(text),
    end(endedFor: string | null, code: number | string | null) {
      parser.end()
      const problem = endedFor ?? problemOf(parser, code, passed + failed.length + skipped.length)
      if (problem !== null && (endedFor !== null || failed.length === 0)) {
        failed.push({ name: problem, diag: {} })
      }
      return { passed, failed, skipped, printed: printed.join('') }
    }
  }
}

/** Why a file failed although none of its asserts did, or null. */
function problemOf(parser: Parser, code: number | string | null, asserts: number): string | null {
  if (parser.bailedOut !== false) return `bailed out: ${String(parser.bailedOut)}`
  if (code !== 0) return `ended with ${code}`
  if (!parser.results?.ok) return 'its TAP is incomplete'
  return asserts === 0 ? 'it asserts nothing' : null
}

function reasonOf({ skip, todo }: Result): string {
  const reason = [skip, todo].find((one) => typeof one === 'string' && one !== '')
  return String(reason ?? (todo ? 'not done yet' : 'no reason given'))
}
