import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import {
  access,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  rmdir,
  symlink,
  writeFile
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithUs } from '../../simulator/process-guard.ts'
import { until } from '../journey/until.ts'
import { unpackNewer, unpackPackages } from '../support/debian.ts'
import type { Engine } from './engine.ts'
import { run } from './run.ts'
import { makeStandIns } from './stand-ins.ts'

/** Debian's packages, unpacked once and not installed. */
const TOOLS = fileURLToPath(new URL('../../node_modules/.cache/docker-engine', import.meta.url))
const PACKAGES = ['docker.io', 'iptables', 'mmdebstrap', 'slirp4netns']
/** The plug-ins of Debian 12 are too old, or not there. */
const PLUGINS = ['docker-compose', 'docker-buildx']
const STARTS_WITHIN_MS = 30_000

/** Why no private engine can be started here, in words; null where one can. */
export async function privateEngineHindrance(): Promise<string | null> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return 'a private one is for root on Debian'
  }
  for (const file of ['/usr/bin/apt-get', '/usr/bin/unshare', '/dev/net/tun']) {
    const isThere = await access(file).then(
      () => true,
      () => false
    )
    if (!isThere) return `a private one needs ${file}`
  }
  return null
}

/**
 * Starts an engine in namespaces of its own: its networks, rules of the firewall, mounts and processes are none of
 * the machine's, and go with its first process. slirp4netns gives it a way out, as it does for rootless engines.
 */
export async function startPrivateEngine(log: (line: string) => void): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-engine-'))
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const end = async () => {
    for (let closer = closers.pop(); closer; closer = closers.pop()) await closer()
  }
  try {
    const env = await prepareTools(folder, log)
    const { pid, close } = await startDaemon(folder, env)
    closers.push(close)
    closers.push(await openWayOut(folder, pid, env))
    const engine = { enter: ['nsenter', '--target', String(pid), '--net', '--'], env, end }
    const version = await run('docker', ['version', '--format', '{{.Server.Version}}'], env)
    await makeStandIns({ ...engine, folder, log })
    return {
      ...engine,
      name: `Docker ${version.trim()}, private, with stand-ins for the base images`
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** Unpacks what is missing; resolves with the environment in which it is found. */
async function prepareTools(folder: string, log: (line: string) => void) {
  const complete = join(TOOLS, 'complete')
  const isThere = await access(complete).then(
    () => true,
    () => false
  )
  if (!isThere) {
    log("unpacking Debian's Docker engine, Compose and Buildx (about 90 MB), once")
    await rm(TOOLS, { recursive: true, force: true })
    await unpackPackages(PACKAGES, TOOLS)
    await unpackNewer(PLUGINS, join(TOOLS, 'newer'))
    // What the packages would link when they are installed.
    await mkdir(join(TOOLS, 'bin'))
    for (const name of ['iptables', 'ip6tables']) {
      await symlink(join(TOOLS, 'usr/sbin/xtables-nft-multi'), join(TOOLS, 'bin', name))
    }
    await mkdir(join(TOOLS, 'config'))
    await symlink('../newer/usr/libexec/docker/cli-plugins', join(TOOLS, 'config/cli-plugins'))
    await writeFile(complete, '')
  }
  const [libraries = ''] = (await readdir(join(TOOLS, 'usr/lib'))).filter((name) =>
    name.endsWith('-gnu')
  )
  const paths = ['bin', 'usr/sbin', 'usr/bin'].map((path) => join(TOOLS, path))
  return {
    PATH: [...paths, process.env['PATH']].join(':'),
    LD_LIBRARY_PATH: join(TOOLS, 'usr/lib', libraries),
    XTABLES_LIBDIR: join(TOOLS, 'usr/lib', libraries, 'xtables'),
    DOCKER_CONFIG: join(TOOLS, 'config'),
    DOCKER_HOST: `unix://${folder}/docker.sock`
  }
}

// The way out has a nameserver of its own. What the machine keeps in /run is not for this engine.
const FIRST_STEPS =
  'mount --bind "$0/resolv.conf" /etc/resolv.conf; mount -t tmpfs none /run; exec dockerd "$@"'

async function startDaemon(folder: string, env: Readonly<Record<string, string>>) {
  await writeFile(join(folder, 'resolv.conf'), 'nameserver 10.0.2.3\n')
  const logFile = join(folder, 'dockerd.log')
  const log = openSync(logFile, 'a')
  const group = `khipu-engine-${process.pid}`
  const daemon = [
    ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
    ...['--host', `unix://${folder}/docker.sock`, '--pidfile', join(folder, 'docker.pid')],
    ...['--storage-driver', 'overlay2', '--cgroup-parent', `/${group}`],
    ...['--init-path', join(TOOLS, 'usr/bin/docker-init')]
  ]
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = spawn(
    'unshare',
    [...namespaces, 'tini', '--', 'sh', '-c', FIRST_STEPS, folder, ...daemon],
    {
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      detached: true
    }
  )
  endWithUs(child, folder)
  const gone = once(child, 'exit')
  const answers = () =>
    run('docker', ['version'], env).then(
      () => true,
      () => child.exitCode !== null
    )
  await until('the engine answers', answers, STARTS_WITHIN_MS)
  if (child.exitCode !== null)
    throw new Error((await readFile(logFile, 'utf8')).trim().split('\n').at(-1))
  // `unshare` itself is outside of what it has made.
  const pid = Number(await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
  return {
    pid,
    async close() {
      child.kill('SIGKILL')
      await gone
      await removeGroups(group)
    }
  }
}

async function openWayOut(folder: string, pid: number, env: Readonly<Record<string, string>>) {
  const log = openSync(join(folder, 'slirp4netns.log'), 'a')
  const args = ['--configure', '--mtu=65520', '--disable-host-loopback', String(pid), 'tap0']
  const child = spawn('slirp4netns', args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
    detached: true
  })
  endWithUs(child, folder)
  const gone = once(child, 'exit')
  const isOpen = async () => (await readFile(`/proc/${pid}/net/route`, 'utf8')).includes('tap0')
  await until('the engine has a way out', isOpen, STARTS_WITHIN_MS)
  return async () => {
    child.kill('SIGTERM')
    await gone
  }
}

/** The kernel keeps the groups of processes that have gone; there is one tree, or one for each controller. */
async function removeGroups(group: string): Promise<void> {
  const root = '/sys/fs/cgroup'
  for (const parent of [root, ...(await readdir(root)).map((name) => join(root, name))]) {
    await removeTree(join(parent, group))
  }
}

async function removeTree(folder: string): Promise<void> {
  const names = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const one of names) if (one.isDirectory()) await removeTree(join(folder, one.name))
  await rmdir(folder).catch(() => {})
}
