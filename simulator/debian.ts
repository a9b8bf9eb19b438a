import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const DOWNLOADED_WITHIN_MS = 300_000
/** The first release that has what `unpackNewer` is asked for. */
const NEWER = 'trixie'
/** Where a machine has it from that is of another distribution, and yet has Debian's keys. */
const DEBIAN = 'http://deb.debian.org/debian/'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Downloads Debian's packages, and what they need that the machine lacks, and unpacks them: nothing is installed. */
export async function unpackPackages(names: readonly string[], folder: string): Promise<void> {
  await unpack(folder, (debs) => {
    const archives = ['-o', `Dir::Cache::archives=${debs}`, '-o', 'Debug::NoLocking=1']
    const how = ['--download-only', '--yes', '--no-install-recommends']
    return apt([...archives, 'install', ...how, ...names], debs)
  })
}

/** The same for one package alone, for somebody who is no root. */
export async function unpackPackage(name: string, folder: string): Promise<void> {
  await unpack(folder, (debs) => apt(['download', name], debs))
}

/** The same for packages that the machine's release may not have in a version that serves: from a newer one. */
export async function unpackNewer(names: readonly string[], to: string): Promise<void> {
  await withReleases([NEWER], (options) =>
    unpack(to, (debs) => apt([...options, 'download', ...names], debs))
  )
}

/** The same for one package of some release of Debian, with all that it needs there, libc among it. */
export async function unpackRelease(name: string, releases: Releases, to: string): Promise<void> {
  await withReleases(releases, (options) =>
    unpack(to, (debs) => {
      const archives = ['-o', `Dir::Cache::archives=${debs}`, '-o', 'Debug::NoLocking=1']
      // Nothing is installed there yet.
      const status = ['-o', 'Dir::State::status=/dev/null', '--target-release', releases[0]]
      const how = ['--download-only', '--yes', '--no-install-recommends']
      return apt([...options, ...archives, ...status, 'install', ...how, name], debs)
    })
  )
}

/** The one that packages are taken from, and those with what it lacks. */
export type Releases = readonly [string, ...string[]]

async function withReleases(
  releases: Releases,
  use: (options: readonly string[]) => Promise<void>
): Promise<void> {
  const uri = await mirror().catch(() => DEBIAN)
  const folder = await mkdtemp(join(tmpdir(), 'khipu-apt-'))
  try {
    // apt removes from its lists what it does not know.
    const [lists, sources] = [join(folder, 'lists'), join(folder, 'sources.list')]
    await mkdir(join(lists, 'partial'), { recursive: true })
    const lines = releases.map((release) => `deb [signed-by=${KEYRING}] ${uri} ${release} main\n`)
    await writeFile(sources, lines.join(''))
    const options = [
      ['Dir::Etc::SourceList', sources],
      ['Dir::Etc::SourceParts', '/dev/null'],
      ['Dir::State::Lists', lists],
      ['Dir::Cache::pkgcache', ''],
      ['Dir::Cache::srcpkgcache', '']
    ].flatMap(([name, value]) => ['-o', `${name}=${value}`])
    await apt([...options, 'update'], folder)
    await use(options)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where the machine has Debian from, and which release that is. */
export async function debianSource(): Promise<{ readonly uri: string; readonly release: string }> {
  const { stdout } = await execute('sh', ['-c', '. /etc/os-release; echo "$VERSION_CODENAME"'])
  return { uri: await mirror(), release: stdout.trim() }
}

async function mirror(): Promise<string> {
  const { stdout } = await execute('apt-get', [
    ...['indextargets', '--format', '$(REPO_URI) $(COMPONENT)'],
    ...['Created-By: Packages', 'Origin: Debian']
  ])
  const uris = stdout.split('\n').map((line) => line.replace(/ main$/, ''))
  const found = uris.find((uri) => uri.endsWith('/debian/'))
  if (found === undefined) throw new Error('apt-get knows no source of Debian')
  return found
}

async function unpack(folder: string, download: (debs: string) => Promise<void>): Promise<void> {
  const debs = await mkdtemp(join(tmpdir(), 'khipu-debs-'))
  try {
    await mkdir(join(debs, 'partial'))
    await download(debs)
    await mkdir(folder, { recursive: true })
    for (const name of await readdir(debs)) {
      if (name.endsWith('.deb')) await execute('dpkg-deb', ['-x', join(debs, name), folder])
    }
  } finally {
    await rm(debs, { recursive: true, force: true })
  }
}

async function apt(args: readonly string[], cwd: string): Promise<void> {
  await execute('apt-get', ['-qq', ...args], {
    cwd,
    timeout: DOWNLOADED_WITHIN_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 10_000_000
  })
}
