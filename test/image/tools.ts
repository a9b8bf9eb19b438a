import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackPackages } from '../../simulator/debian.ts'

/** Debian's packages, unpacked once and not installed. */
export const TOOLS = fileURLToPath(
  new URL('../../node_modules/.cache/docker-engine', import.meta.url)
)
const PACKAGES = ['docker.io', 'iptables', 'mmdebstrap', 'slirp4netns']
/** The plug-ins of Debian 12 are too old, or not there. */
const PLUGINS = ['docker-compose', 'docker-buildx']

/** Unpacks what a private engine needs; resolves with the environment in which it is found. */
export async function prepareTools(log: (line: string) => void) {
  const complete = join(TOOLS, 'complete')
  if (!existsSync(complete)) {
    log("unpacking Debian's Docker engine, Compose and Buildx (about 90 MB), once")
    await unpackTools()
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
    DOCKER_CONFIG: join(TOOLS, 'config')
  }
}

async function unpackTools(): Promise<void> {
  await rm(TOOLS, { recursive: true, force: true })
  await unpackPackages({ names: PACKAGES }, TOOLS)
  await unpackPackages(
    { names: PLUGINS, dependencies: 'none', releases: ['trixie'] },
    join(TOOLS, 'newer')
  )
  // What the packages would link when they are installed.
  await mkdir(join(TOOLS, 'bin'))
  for (const name of ['iptables', 'ip6tables']) {
    await symlink(join(TOOLS, 'usr/sbin/xtables-nft-multi'), join(TOOLS, 'bin', name))
  }
  await mkdir(join(TOOLS, 'config'))
  await symlink('../newer/usr/libexec/docker/cli-plugins', join(TOOLS, 'config/cli-plugins'))
}
