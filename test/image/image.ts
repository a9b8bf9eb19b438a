import { createReadStream } from 'node:fs'
import { appendFile, cp, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createGzip } from 'node:zlib'
import { type Lockfile, readLockfile, shippedPackages } from '../../scripts/lockfile.ts'
import { type Check, refuse } from './check.ts'
import { run } from './run.ts'
import { root, type Site } from './site.ts'

const BASE = 'node:24-slim'
const MOST_BYTES = 70_000_000
const SOURCES = [
  'package.json',
  'package-lock.json',
  'scripts/build.ts',
  'src',
  'schemas',
  'simulator'
]
/** No value of these is ever part of an image or of a container's environment. */
const SECRET_NAMES =
  /^(?:KHIPU_API_KEY|KHIPU_JWT|API_TOKENS|SECRET_KEYS|RESULT_KEYS|REDIS_SENTINEL_PASSWORD)=/

/** The stages of the Dockerfile that install packages. */
const INSTALLING = ['build', 'dependencies']

/** What the images are made of. */
export const imageChecks: readonly Check[] = [
  {
    name: 'both images are built',
    isNeeded: true,
    async run(site) {
      const context = join(site.folder, 'context')
      await mkdir(context)
      for (const name of [...SOURCES, 'Dockerfile', '.dockerignore']) {
        await cp(join(root, name), join(context, name), { recursive: true })
      }
      await build(context, site.images.service, 'service')
      await build(context, site.images.simulator, 'simulator')
      return (
        await site.docker('image', 'inspect', '--format', '{{.Id}}', site.images.service)
      ).trim()
    }
  },
  {
    name: 'a change of the source installs no package again',
    async run(site) {
      const context = join(site.folder, 'context')
      await appendFile(join(context, 'src/main.ts'), '// changed\n')
      const startedAt = performance.now()
      const output = await build(context, `${site.images.service}-changed`, 'service')
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      await site.docker('image', 'rm', `${site.images.service}-changed`)
      refuse(INSTALLING.flatMap((stage) => cacheFaults(output, stage)))
      return `npm ci of ${INSTALLING.join(' and ')} taken from the cache, built again in ${seconds} s`
    }
  },
  {
    name: 'under 70 MB compressed beyond the base',
    async run(site) {
      const [service, simulator] = [
        await bytesBeyondBase(site, site.images.service),
        await bytesBeyondBase(site, site.images.simulator)
      ]
      refuse(service >= MOST_BYTES ? [`${inMb(service)} MB`] : [])
      return `${inMb(service)} MB (the simulator's image: ${inMb(simulator)} MB)`
    }
  },
  {
    name: 'labels of OCI',
    async run(site) {
      const text = await site.docker(
        'image',
        'inspect',
        '--format',
        '{{json .Config.Labels}}',
        site.images.service
      )
      const labels = JSON.parse(text) as Record<string, string>
      const wanted = [
        'title',
        'description',
        'licenses',
        'version',
        'revision',
        'created',
        'base.name'
      ]
      refuse(
        wanted
          .filter((name) => !labels[`org.opencontainers.image.${name}`])
          .map((name) => `no ${name}`)
      )
      return wanted.join(', ')
    }
  },
  {
    name: 'only what production needs',
    async run(site) {
      const top = await linesOf(site, 'ls -A')
      refuse(top.filter((name) => !IN_APP.has(name)).map((name) => `${name} is in /app`))
      const installed = JSON.parse(
        await runIn(site, 'cat node_modules/.package-lock.json')
      ) as Lockfile
      const shipped = new Set(shippedPackages(readLockfile(root)).map(({ id }) => id))
      const found = shippedPackages(installed).map(({ id }) => id)
      refuse(found.filter((id) => !shipped.has(id)).map((id) => `${id} is not for production`))
      const folders = await linesOf(
        site,
        'find node_modules -maxdepth 3 -name package.json -printf "%h\\n"'
      )
      const packages = folders.filter((folder) => /^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(folder))
      refuse(
        packages
          .filter((folder) => !(folder in installed.packages))
          .map((folder) => `${folder} is a stranger`)
      )
      // Of the sources the Lua scripts and the files of the pages alone are read while the service runs.
      const isRead = '-name "*.lua" -o -path "src/operator/pages/assets/*"'
      const sources = (await runIn(site, `find src -type f ! \\( ${isRead} \\)`)).trim()
      refuse(sources === '' ? [] : sources.split('\n').map((file) => `${file} is in /app`))
      return `${found.length} packages, and of src the Lua scripts and the files of the pages`
    }
  },
  {
    name: 'no file gives privileges to whoever runs it',
    async run(site) {
      const found = (await runIn(site, 'find / -xdev -type f -perm /6000')).trim()
      refuse(found === '' ? [] : [found])
      return 'no setuid, no setgid'
    }
  },
  {
    name: 'no secret in the image',
    async run(site) {
      for (const image of Object.values(site.images)) {
        const text = [
          await site.docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', image),
          await site.docker('image', 'inspect', image)
        ].join('\n')
        refuse(
          site.secrets.filter((secret) => text.includes(secret)).map(() => `a secret in ${image}`)
        )
        const { Config } = JSON.parse(
          await site.docker('image', 'inspect', '--format', '{"Config":{{json .Config}}}', image)
        ) as { Config: { Env: string[] } }
        refuse(
          Config.Env.filter((line) => SECRET_NAMES.test(line)).map(
            (line) => `the image sets ${nameOf(line)}`
          )
        )
      }
      return 'neither in history nor in inspect'
    }
  }
]

const IN_APP: ReadonlySet<string> = new Set([
  'compile-cache',
  'dist',
  'node_modules',
  'package.json',
  'schemas',
  'src'
])

export function nameOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}

export function isSecretVariable(line: string): boolean {
  return SECRET_NAMES.test(line)
}

async function build(context: string, image: string, target: string): Promise<string> {
  // What Docker says of its progress goes to the standard error.
  const script = 'docker build --progress=plain --network=host --target "$1" --tag "$2" "$3" 2>&1'
  // Older engines have another builder by default.
  return run('sh', ['-c', script, 'sh', target, image, context], { DOCKER_BUILDKIT: '1' })
}

/** Of a build's output: why the packages of a stage did not come from the cache. */
function cacheFaults(output: string, stage: string): string[] {
  const steps = [...output.matchAll(/^(#\d+) \[(\w+) +\d+\/\d+\] RUN npm ci /gm)]
  const [, id] = steps.find(([, , one]) => one === stage) ?? []
  if (id === undefined) return [`no npm ci of the stage ${stage} was seen`]
  return output.split('\n').includes(`${id} CACHED`) ? [] : [`npm ci of ${stage} ran again`]
}

/** A shell's script in a container made for it, with nothing of ours running. */
async function runIn({ docker, images }: Site, script: string): Promise<string> {
  return docker('run', '--rm', '--network=none', '--user=0', images.service, 'sh', '-c', script)
}

async function linesOf(site: Site, script: string): Promise<string[]> {
  return (await runIn(site, script)).trim().split('\n')
}

async function bytesBeyondBase(site: Site, image: string): Promise<number> {
  const layers = async (name: string) =>
    JSON.parse(
      await site.docker('image', 'inspect', '--format', '{{json .RootFS.Layers}}', name)
    ) as string[]
  // A build leaves its base with the builder.
  await site.docker('image', 'inspect', BASE).catch(() => site.docker('pull', BASE))
  const base = await layers(BASE)
  const own = await layers(image)
  refuse(base.every((layer, index) => own[index] === layer) ? [] : [`is not made from ${BASE}`])
  const folder = join(site.folder, 'saved')
  await mkdir(folder)
  await run('sh', ['-c', 'docker save "$1" | tar -x -C "$2"', 'sh', image, folder])
  const [saved] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as [
    { Layers: string[] }
  ]
  const sizes = saved.Layers.slice(base.length).map((layer) => compressedSize(join(folder, layer)))
  const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  await rm(folder, { recursive: true })
  return total
}

/** In bytes, as a registry keeps it; some engines save layers that are compressed already. */
async function compressedSize(file: string): Promise<number> {
  const handle = await open(file)
  const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0)
  const { size } = await handle.stat()
  await handle.close()
  if (buffer.readUInt16BE() === 0x1f8b) return size
  let bytes = 0
  for await (const chunk of createReadStream(file).pipe(createGzip()))
    bytes += (chunk as Buffer).length
  return bytes
}

function inMb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}
