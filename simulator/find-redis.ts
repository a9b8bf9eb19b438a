import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { access, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** The machine as far as finding Redis is concerned; a test gives its own. */
export interface Machine {
  readonly log: (line: string) => void
  readonly path?: string
  readonly isRoot?: boolean
  /** The file that Debian asks before it starts a service. */
  readonly policyFile?: string
}

/** The redis-server or valkey-server of the PATH, installed with apt-get if we are root. */
export async function findRedis(machine: Machine): Promise<string> {
  const { log, path = process.env['PATH'] ?? '', isRoot = process.getuid?.() === 0 } = machine
  const found = await findOnPath(['redis-server', 'valkey-server'], path)
  if (found !== undefined) return found
  const aptGet = isRoot ? await findOnPath(['apt-get'], path) : undefined
  if (aptGet === undefined) throw new Error(whatToInstall)
  log("no redis-server or valkey-server on the PATH: installing Debian's redis-server with apt-get")
  await install(aptGet, machine.policyFile)
  const installed = await findOnPath(['redis-server'], path)
  if (installed === undefined) throw new Error(whatToInstall)
  return installed
}

const whatToInstall = [
  'There is no Redis: REDIS_URL is not set, and neither redis-server nor valkey-server is on the',
  'PATH. Set REDIS_URL, or install one:',
  '  Debian, Ubuntu   sudo apt-get install redis-server',
  '  Fedora           sudo dnf install valkey',
  '  Alpine           apk add valkey',
  '  macOS            brew install redis'
].join('\n')

async function findOnPath(names: readonly string[], path: string): Promise<string | undefined> {
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  for (const file of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false
    )
    if (isThere) return file
  }
  return undefined
}

/** Installs the package; the service that comes with it is not started. */
async function install(aptGet: string, policy = '/usr/sbin/policy-rc.d'): Promise<void> {
  // 101 means "not allowed". A policy that the machine has already is left as it is.
  const isOurs = await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' }).then(
    () => true,
    () => false
  )
  try {
    await runQuietly(aptGet, ['update'])
    await runQuietly(aptGet, ['install', '--yes', '--no-install-recommends', 'redis-server'])
  } finally {
    if (isOurs) await rm(policy, { force: true })
  }
}

async function runQuietly(command: string, args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code === 0) return
  throw new Error(`${command} ${args[0]} failed: ${complaints.trim()}\n${whatToInstall}`)
}
