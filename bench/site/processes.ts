import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { endProcess, hasEnded, killWithParent } from '../../simulator/child-process.ts'

/** The root of this tree. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A folder for this run alone. It goes when this process ends, however it ends. */
export const runFolder = mkdtempSync(join(tmpdir(), 'khipu-bench-'))
process.once('exit', () => rmSync(runFolder, { recursive: true, force: true }))

/** A process that was started for a measurement. It ends with this one. */
export interface Started {
  readonly name: string
  readonly child: ChildProcess
  readonly pid: number
  stop(): Promise<void>
}

/** Starts Node on a file, with nothing of this process's environment but the PATH. */
export function startNode(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  pipes: 'pipe' | 'ignore' = 'ignore'
): Started {
  // A process group of its own: Ctrl-C in the terminal is for this process, which ends the others.
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
    stdio: [pipes, pipes, 'inherit'],
    detached: true
  })
  killWithParent(child, join(runFolder, name))
  const { pid } = child
  if (pid === undefined) throw new Error(`${name} could not be started`)
  return { name, child, pid, stop: async () => void (await endProcess(child, 'SIGTERM', 12_000)) }
}

const READY_WITHIN_MS = 30_000

/** Resolves once the address answers with a 2xx or 404. */
export async function untilReady({ name, child }: Started, url: string): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS
  while (!hasEnded(child) && performance.now() < end) {
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => 0
    )
    if (status === 404 || (status >= 200 && status < 300)) return
    await pause(20)
  }
  throw new Error(`${name} did not become ready`)
}

/** Makes the production build of a tree with its own script, in its own dist folder. */
export async function buildTree(root: string): Promise<void> {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: root })
}

/** Says on stderr what is being done. stdout is for the results alone. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
