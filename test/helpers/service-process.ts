import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

/** What a process wrote on one line of its standard output. */
export interface LogLine {
  readonly level: number
  readonly time: number
  readonly msg: string
  readonly [field: string]: unknown
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** An answer of the operator API, or of any other listener. */
export interface Answer<Body = unknown> {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The text read as JSON, where it can be. */
  readonly body: Body
}

/** A real process of the service. */
export interface Service {
  readonly pid: number
  readonly publicUrl: string
  readonly adminUrl: string
  /** Every line of the log so far. */
  readonly logs: readonly LogLine[]
  /** Lines of standard output that are no log lines; there should be none. */
  readonly strays: readonly string[]
  stderr(): string
  /** Calls the operator API with its token; never throws for a status. */
  api<Body>(method: string, path: string, body?: unknown, headers?: Env): Promise<Answer<Body>>
  /** Resolves once it says that it can store. */
  ready(): Promise<void>
  /** Sends a signal. */
  send(signal: NodeJS.Signals): void
  /** Closes the pipe that its log goes through, as a reader does that has died. */
  closeLog(): void
  /** Resolves once the process has gone. */
  exited(): Promise<Exit>
  /** Sends SIGTERM, and resolves once the process has gone; within 10 s, or it is an error. */
  stop(): Promise<Exit>
  /** Sends SIGKILL, and resolves once the process has gone. */
  kill(): Promise<void>
}

/** What can be called as an operator calls it. */
export type Operated = Pick<Service, 'api'>

/** The environment of a process: settings of the service by their names. */
export type Env = Readonly<Record<string, string>>

/** The bearer token of every service in these tests. */
export const TOKEN = 'journey-operator-token'

/** SIGTERM ends a process within this. */
const STOPS_WITHIN_MS = 10_000

const root = fileURLToPath(new URL('../..', import.meta.url))
/**
 * The file of an entry point, such as `main` or `commands/reseal`, relative to the project's folder: of what was built
 * into the folder `BUILT`, or else of the sources.
 */
export function entryPoint(name: string): string {
  const { BUILT } = process.env
  return BUILT === undefined ? `src/${name}.ts` : `${BUILT}/${name}.js`
}

/** Starts a process; it need not come up. Nothing of it survives this process. */
export function spawnService(env: Env): Service {
  const child = spawn(process.execPath, [entryPoint('main')], {
    cwd: root,
    env: { ...surroundings(), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }) as Exit)

  const logs: LogLine[] = []
  const strays: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const read = readJson(line)
    if (isLogLine(read)) logs.push(read)
    else strays.push(line)
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))

  const adminUrl = `http://127.0.0.1:${env['ADMIN_PORT']}`
  const publicUrl = `http://127.0.0.1:${env['PUBLIC_PORT']}`
  return {
    pid: child.pid ?? 0,
    publicUrl,
    adminUrl,
    logs,
    strays,
    stderr: () => stderr,
    api: (method, path, body, headers) => callApi(`${adminUrl}${path}`, method, body, headers),
    async ready() {
      await until('the service is ready', async () => {
        if (child.exitCode !== null) {
          throw new Error(`the service ended: ${stderr}${JSON.stringify(logs.at(-1))}`)
        }
        const answer = await call(`${adminUrl}/health/ready`).catch(() => null)
        return answer?.status === 200
      })
    },
    send: (signal) => void child.kill(signal),
    closeLog: () => void child.stdout.destroy(),
    exited: () => ended,
    async stop() {
      child.kill('SIGTERM')
      const impatience = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS)
      const exit = await ended
      clearTimeout(impatience)
      return exit
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    }
  }
}

/** Starts a process, and resolves once it can store. */
export async function startService(env: Env): Promise<Service> {
  const service = spawnService(env)
  await service.ready()
  return service
}

/** Any HTTP call whose answer is a small text; rejects where there is none within ten seconds. */
export async function call<Body = unknown>(
  url: string,
  init: RequestInit = {}
): Promise<Answer<Body>> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) })
  const { status, headers } = response
  const text = await response.text()
  return { status, headers, text, body: readJson(text) as Body }
}

/** Calls an address with the operator's token. */
export function callApi<Body>(url: string, method: string, body: unknown, more: Env = {}) {
  const authorization = `Bearer ${TOKEN}`
  if (body === undefined) return call<Body>(url, { method, headers: { authorization, ...more } })
  const headers = { authorization, 'content-type': 'application/json', ...more }
  return call<Body>(url, { method, headers, body: JSON.stringify(body) })
}

// No setting of the service may come in from the outside; tap needs its own, to see the coverage.
function surroundings(): Record<string, string | undefined> {
  const names = /^(?:PATH|HOME|TMPDIR|NODE_.*|_?TAP.*)$/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => names.test(name)))
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isLogLine(value: unknown): value is LogLine {
  return typeof value === 'object' && value !== null && 'msg' in value && 'level' in value
}
