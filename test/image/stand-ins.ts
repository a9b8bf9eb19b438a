import { cp, mkdir, realpath, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { debianSource } from '../../simulator/debian.ts'
import { run } from './run.ts'

/** An engine without images, and where to make some. */
interface Workshop {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly log: (line: string) => void
}

const DEBIAN = 'khipu-stand-in-debian'

// As the real ones are: the users, the folders, and where node and npm lie.
const STAND_INS = [
  {
    image: 'node:24-slim',
    lines: [
      'COPY node /usr/local/bin/node',
      'COPY npm /usr/local/lib/node_modules/npm',
      'COPY npmrc /usr/local/etc/npmrc',
      'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --uid 1000 --create-home node',
      'CMD ["node"]'
    ]
  },
  {
    image: 'redis:7-alpine',
    lines: ['RUN mkdir /data && chown redis:redis /data', 'VOLUME /data', 'WORKDIR /data']
  },
  { image: 'nginx:stable-alpine', lines: ['CMD ["nginx", "-g", "daemon off;"]'] }
] as const

/**
 * Makes the images that ours are built from and work with, out of Debian's packages and the node and npm that are
 * here: a private engine reaches no registry of images.
 */
export async function makeStandIns({ folder, env, log }: Workshop): Promise<void> {
  log('making stand-ins for the base images, from Debian')
  const root = join(folder, 'debian.tar')
  const { uri, release } = await debianSource()
  await run(
    'mmdebstrap',
    [
      ...['--quiet', '--mode=root', '--variant=minbase'],
      '--include=ca-certificates,redis-server,nginx-light',
      // With whatever authorities this machine trusts besides.
      '--customize-hook=copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs',
      ...[release, root, `deb ${uri} ${release} main`]
    ],
    env
  )
  await run('docker', ['import', root, DEBIAN], env)
  const context = await gather(join(folder, 'stand-ins'))
  for (const { image, lines } of STAND_INS) {
    const file = join(context, 'Dockerfile')
    await writeFile(file, [`FROM ${DEBIAN}`, ...lines, ''].join('\n'))
    await run('docker', ['build', '--quiet', '--tag', image, context], env)
  }
}

/** The node that runs this, the npm of the machine, and the registry that this is set to. */
async function gather(context: string): Promise<string> {
  await mkdir(context)
  await cp(process.execPath, join(context, 'node'), { dereference: true })
  await cp(await npmFolder(), join(context, 'npm'), { recursive: true })
  const registry = (await run('npm', ['config', 'get', 'registry'])).trim()
  const npmrc = ['cafile=/etc/ssl/certs/ca-certificates.crt', `registry=${registry}`, '']
  await writeFile(join(context, 'npmrc'), npmrc.join('\n'))
  return context
}

/** `npm root --global` would tell of the node that npm scripts run on. */
async function npmFolder(): Promise<string> {
  const { npm_execpath: file } = process.env
  if (file === undefined) throw new Error('this is to be run by npm')
  return dirname(dirname(await realpath(file)))
}
