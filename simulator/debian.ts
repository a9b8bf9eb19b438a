import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findOnPath } from './find-on-path.ts'
import { writeStarters } from './starters.ts'

const execute = promisify(execFile)
const DOWNLOADED_WITHIN_MS = 300_000
/** apt-get and dpkg-deb start programs of these folders, wherever they are found themselves. */
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
/** For a machine of another distribution that has Debian's keys. */
const DEBIAN = 'http://deb.debian.org/debian/'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Packages of Debian or Ubuntu. */
export interface Packages {
  readonly names: readonly string[]
  /** By default `missing`: also what they depend on and the machine lacks. `all` brings even libc. */
  readonly dependencies?: 'none' | 'missing' | 'all'
  /** Releases of Debian: the one of the packages, then others for what it lacks. By default the machine's sources. */
  readonly releases?: readonly [string, ...string[]]
}

/** Whether this machine has what `unpackPackages` needs: it is a Debian, an Ubuntu or one of their kind. */
export async function canUnpack(): Promise<boolean> {
  const tools = await Promise.all(['apt-get', 'dpkg-deb'].map((tool) => findOnPath([tool])))
  return !tools.includes(undefined)
}

/**
 * Downloads packages and unpacks them into a folder, with starters for the programs whose names match the glob.
 * Nothing is installed, no root is needed, and nothing is written beside the folder. The folder appears complete or
 * not at all; of several processes that make it at once, one wins.
 */
export async function unpackPackages(
  packages: Packages,
  folder: string,
  programs?: string
): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const work = await mkdtemp(`${folder}-`)
  try {
    const [archives, root] = [join(work, 'cache/archives'), join(work, 'root')]
    for (const path of [join(work, 'state/lists/partial'), join(archives, 'partial'), root])
      await mkdir(path, { recursive: true })
    await writeFile(join(work, 'apt.conf'), await configuration(packages, work))
    await apt(work, ['update'])
    await apt(work, downloadCommand(packages))
    const debs = (await readdir(archives)).filter((name) => name.endsWith('.deb'))
    if (debs.length === 0) throw new Error('apt-get failed: no package was downloaded')
    for (const deb of debs) await run('dpkg-deb', ['-x', join(archives, deb), root], work)
    await chmod(root, 0o755)
    if (programs !== undefined) await writeStarters(root, programs)
    await rename(root, folder).catch(ignoreIfThere)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function downloadCommand({ names, dependencies = 'missing' }: Packages): string[] {
  if (dependencies === 'none') return ['download', ...names]
  const how = ['--download-only', '--reinstall', '--yes', '--no-install-recommends']
  return ['install', ...how, ...names]
}

/** Lists and archives of our own; and no hooks of the machine, which clean or fill its own. */
async function configuration({ dependencies, releases }: Packages, work: string): Promise<string> {
  const status = dependencies === 'all' ? '/dev/null' : '/var/lib/dpkg/status'
  const lines = [
    ...['Pre-Invoke', 'Post-Invoke', 'Post-Invoke-Success'].map(
      (hook) => `#clear APT::Update::${hook};`
    ),
    `Dir::State "${work}/state";`,
    `Dir::State::status "${status}";`,
    `Dir::Cache "${work}/cache";`,
    'APT::Sandbox::User "root";',
    // The lock is for those who install.
    'Debug::NoLocking "true";'
  ]
  if (releases === undefined) return lines.join('\n')
  const sources = join(work, 'sources.list')
  const uri = await mirror().catch(() => DEBIAN)
  const entries = releases.map((release) => `deb [signed-by=${KEYRING}] ${uri} ${release} main\n`)
  await writeFile(sources, entries.join(''))
  return [
    ...lines,
    `Dir::Etc::SourceList "${sources}";`,
    'Dir::Etc::SourceParts "/dev/null";',
    `APT::Default-Release "${releases[0]}";`
  ].join('\n')
}

async function apt(work: string, args: readonly string[]): Promise<void> {
  const cwd = join(work, 'cache/archives')
  await run('apt-get', ['-qq', '-c', join(work, 'apt.conf'), ...args], cwd)
}

async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const PATH = `${process.env['PATH']}:${SYSTEM_PATH}`
  const env = { ...process.env, PATH, DEBIAN_FRONTEND: 'noninteractive' }
  const options = { cwd, env, timeout: DOWNLOADED_WITHIN_MS, maxBuffer: 10_000_000 }
  const { stdout } = await execute(command, args, options).catch((cause: Error) => {
    const { stderr = '' } = cause as { stderr?: string }
    throw new Error(`${command} failed: ${stderr.trim() || cause.message}`, { cause })
  })
  return stdout
}

function ignoreIfThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
}

/** Where the machine has Debian from, and which release that is. */
export async function debianSource(): Promise<{ readonly uri: string; readonly release: string }> {
  return { uri: await mirror(), release: await ownRelease() }
}

/** The code name of the machine's release. */
export async function ownRelease(): Promise<string> {
  const [, release = 'unknown'] =
    /^VERSION_CODENAME="?([\w-]+)/m.exec(await readFile('/etc/os-release', 'utf8')) ?? []
  return release
}

async function mirror(): Promise<string> {
  const targets = await run('apt-get', [
    ...['indextargets', '--format', '$(REPO_URI) $(COMPONENT)'],
    ...['Created-By: Packages', 'Origin: Debian']
  ])
  const uris = targets.split('\n').map((line) => line.replace(/ main$/, ''))
  const found = uris.find((uri) => uri.endsWith('/debian/'))
  if (found === undefined) throw new Error('apt-get knows no source of Debian')
  return found
}
