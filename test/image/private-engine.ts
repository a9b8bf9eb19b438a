import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { killWithParent } from '../../simulator/child-process.ts'
import { until } from '../helpers/until.ts'
import type { Engine } from './engine.ts'
import { removeGroups } from './groups.ts'
import { run } from './run.ts'
import { makeStandIns } from './stand-ins.ts'
import { prepareTools, TOOLS } from './tools.ts'

const STARTS_WITHIN_MS = 30_000

/** Why no private engine can be started here, in words; null where one can. */
export function privateEngineHindrance(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return 'a private one is for root on Debian'
  }
  const files = ['/usr/bin/apt-get', '/usr/bin/unshare', '/dev/net/tun']
  const missing = files.find((file) => !existsSync(file))
  return missing === undefined ? null : `a private one needs ${missing}`
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
    const env = { ...(await prepareTools(log)), DOCKER_HOST: `unix://${folder}/docker.sock` }
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
  killWithParent(child, folder)
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
  killWithParent(child, folder)
  const gone = once(child, 'exit')
  const isOpen = async () => (await readFile(`/proc/${pid}/net/route`, 'utf8')).includes('tap0')
  await until('the engine has a way out', isOpen, STARTS_WITHIN_MS)
  return async () => {
    child.kill('SIGTERM')
    await gone
  }
}
