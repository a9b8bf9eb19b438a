import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { CACHE } from '../../../simulator/debian-program.ts'
import { unpackPackages } from '../../../simulator/debian.ts'

// `docker compose config` resolves the profile monitoring. It needs no engine. test/image does the same with one.

const root = fileURLToPath(new URL('../../../', import.meta.url))
const execute = promisify(execFile)
const command = await findCompose()
const skip = command === null ? "there is no Compose, and apt-get can't download Debian's" : false

/** The command of the machine, or that of Debian's package, which is unpacked into node_modules/.cache. */
async function findCompose(): Promise<readonly [string, ...string[]] | null> {
  const isHere = await execute('docker', ['compose', 'version']).catch(() => null)
  if (isHere !== null) return ['docker', 'compose']
  const folder = join(CACHE, 'docker-compose-trixie')
  const plugin = join(folder, 'usr/libexec/docker/cli-plugins/docker-compose')
  // That of Debian 12 is too old.
  const packages = {
    names: ['docker-compose'],
    dependencies: 'none',
    releases: ['trixie']
  } as const
  if (!existsSync(plugin)) await unpackPackages(packages, folder).catch(() => {})
  return execute(plugin, ['version']).then(
    () => [plugin],
    () => null
  )
}

interface Resolved {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly ports?: readonly { readonly host_ip?: string }[]
        readonly configs?: readonly { readonly source: string }[]
      }
    >
  >
  readonly configs: Readonly<Record<string, { readonly file: string }>>
}

async function resolve(t: Test, profiles: readonly string[]): Promise<Resolved> {
  const secrets = join(t.testdir(), 'secrets')
  await mkdir(secrets, { recursive: true })
  for (const name of ['secret_keys', 'api_tokens', 'khipu_api_key'])
    await writeFile(join(secrets, `${name}.txt`), 'x')
  const [program, ...before] = command ?? ['docker']
  const named = profiles.flatMap((profile) => ['--profile', profile])
  const args = [...before, '--env-file', 'deploy/demo.env', ...named, 'config', '--format', 'json']
  const env = { ...process.env, SECRETS_DIR: secrets }
  const { stdout } = await execute(program, args, { cwd: root, env })
  return JSON.parse(stdout) as Resolved
}

t.test('the profile monitoring adds Prometheus and Grafana, on loopback', { skip }, async (t) => {
  const without = await resolve(t, [])
  const { services, configs } = await resolve(t, ['monitoring'])
  const added = Object.keys(services).filter((name) => !Object.hasOwn(without.services, name))
  t.same(added.toSorted(), ['grafana', 'prometheus'])
  for (const name of added) {
    const { ports = [], configs: mounted = [] } = services[name] ?? {}
    t.same(
      ports.map((port) => port.host_ip),
      ['127.0.0.1'],
      name
    )
    t.ok(mounted.length > 1, name)
    for (const { source } of mounted) t.ok(existsSync(configs[source]?.file ?? ''), source)
  }
})
