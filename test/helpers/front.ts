import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { chown, copyFile, mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import { writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAuthority, makeCertificate, type Certificate } from './certificates.ts'
import type { Env } from './service-process.ts'
import { callOver, type Secured } from './tls-client.ts'
import { until } from './until.ts'
import type { Scope } from './world.ts'

/** Where a proxy that is tried has its files: all that it writes lies under `own`. */
export interface Place extends Certificate {
  readonly config: string
  readonly own: string
}

/** A proxy in front of the service: its executable, its configuration, and how it is started with that. */
export interface FrontSettings {
  readonly program: string
  readonly port: number
  readonly configure: (place: Place) => string
  readonly args: (place: Place) => readonly string[]
  readonly env?: (place: Place) => Env
}

/** A running proxy. */
export interface Front extends Secured {
  /** Every file that it has written, its output among them, by name. */
  written(): Promise<ReadonlyMap<string, string>>
  /** The lines of its standard output that are JSON. */
  lines(): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** Whoever is root starts it as nobody: it must not need more. */
const NOBODY = 65534

/** Starts it with a certificate of its own; it has gone, with all its files, when the test has ended. */
export async function startFront(scope: Scope, settings: FrontSettings): Promise<Front> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-front-'))
  const own = join(folder, 'own')
  const [config, program] = [join(folder, 'config'), join(folder, 'program')]
  await mkdir(own)
  await copyFile(settings.program, program)
  const authority = await makeAuthority(folder, 'authority')
  const place = {
    ...(await makeCertificate(folder, 'front', 'IP:127.0.0.1', authority)),
    ...{ config, own }
  }
  await writeFile(config, settings.configure(place))
  const child = await spawnIn(folder, program, settings, place)
  scope.teardown(() => end(child, folder))
  const front = {
    url: `https://127.0.0.1:${settings.port}`,
    ca: await readFile(authority.cert, 'utf8'),
    written: () => readAll(own),
    lines: async () => jsonLines(await readFile(join(own, 'stdout'), 'utf8'))
  }
  await until('it answers', async () => {
    if (child.exitCode !== null) throw new Error(await readFile(join(own, 'stderr'), 'utf8'))
    return callOver(front, '/').catch(() => null)
  })
  return front
}

/** The text with each of the pairs' first replaced by its second; every one must be there exactly once. */
export function swap(
  text: string,
  pairs: readonly (readonly [from: string, to: string])[]
): string {
  return pairs.reduce((changed, [from, to]) => {
    const count = changed.split(from).length - 1
    if (count !== 1) throw new Error(`'${from}' is there ${count} times`)
    return changed.replace(from, () => to)
  }, text)
}

async function spawnIn(
  folder: string,
  program: string,
  { args, env }: FrontSettings,
  place: Place
): Promise<ChildProcess> {
  const [stdout, stderr] = [
    await open(join(place.own, 'stdout'), 'a'),
    await open(join(place.own, 'stderr'), 'a')
  ]
  const isRoot = process.getuid?.() === 0
  if (isRoot) {
    const names = await readdir(folder, { recursive: true })
    for (const name of ['', ...names]) await chown(join(folder, name), NOBODY, NOBODY)
  }
  const child = spawn(program, args(place), {
    cwd: place.own,
    env: { PATH: process.env['PATH'], ...env?.(place) },
    stdio: ['ignore', stdout.fd, stderr.fd],
    detached: true,
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {})
  })
  await Promise.all([stdout.close(), stderr.close()])
  endWithUs(child, folder)
  return child
}

/** Its whole process group goes with this process, however that ends: a master that is killed leaves its workers. */
function endWithUs(child: ChildProcess, folder: string): void {
  const { pid } = child
  if (pid === undefined) return
  const endAll = () => {
    killGroup(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', endAll)
  const script = 'read -r _; kill -9 -- "-$1"; rm -rf "$2"'
  const guard = spawn('/bin/sh', ['-c', script, 'sh', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true
  })
  child.once('exit', () => {
    process.off('exit', endAll)
    guard.kill('SIGKILL')
  })
  guard.unref()
  ;(guard.stdin as Socket).unref()
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    const gone = once(child, 'exit')
    killGroup(child.pid, 'SIGTERM')
    await gone
    killGroup(child.pid, 'SIGKILL')
  }
  await rm(folder, { recursive: true, force: true })
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has gone already.
  }
}

async function readAll(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const texts = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    return [path.slice(folder.length + 1), await readFile(path, 'latin1')] as const
  })
  return new Map(await Promise.all(texts))
}

function jsonLines(text: string): Readonly<Record<string, unknown>>[] {
  const lines = text.split('\n').filter((line) => line.startsWith('{'))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}
