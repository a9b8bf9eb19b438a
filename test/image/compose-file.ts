import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Check, refuse } from './check.ts'
import { run } from './run.ts'
import { root, type Site } from './site.ts'

/** The part of a service that `docker compose config` resolves and that is looked at. */
interface Service {
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly privileged?: boolean
  readonly security_opt?: readonly string[]
  readonly mem_limit?: string
  readonly pids_limit?: number
  readonly cpus?: number
  readonly restart?: string
  readonly ports?: readonly { readonly target: number; readonly host_ip?: string }[]
  /** Each a folder, and its options behind a colon. */
  readonly tmpfs?: readonly string[]
  readonly volumes?: readonly { readonly target: string; readonly read_only?: boolean }[]
}

// The shipped files, without what the tests change in them.
async function resolved(site: Site, files: readonly string[]): Promise<Record<string, Service>> {
  const named = ['docker-compose.yml', ...files].flatMap((file) => ['--file', join(root, file)])
  const env = { SECRETS_DIR: join(site.folder, 'secrets') }
  const profiles = ['demo', 'monitoring'].flatMap((profile) => ['--profile', profile])
  const how = ['--env-file', join(root, 'deploy/demo.env'), ...profiles]
  await run('docker', ['compose', ...named, ...how, 'config', '--quiet'], env)
  const text = await run('docker', ['compose', ...named, ...how, 'config', '--format', 'json'], env)
  return (JSON.parse(text) as { services: Record<string, Service> }).services
}

/** The folders that docker-compose.yml lets each service write to: its tmpfs and its volumes. */
export async function writableFolders(site: Site): Promise<ReadonlyMap<string, readonly string[]>> {
  const services = Object.entries(await resolved(site, []))
  return new Map(services.map(([name, service]) => [name, foldersOf(service)]))
}

function foldersOf({ tmpfs = [], volumes = [] }: Service): readonly string[] {
  const writable = volumes.filter(({ read_only }) => read_only !== true)
  return [...tmpfs.map((one) => one.replace(/:.*/, '')), ...writable.map(({ target }) => target)]
}

/** The files of Compose that are shipped beside docker-compose.yml. */
async function shipped(): Promise<readonly (readonly string[])[]> {
  const names = await readdir(join(root, 'deploy'))
  const more = names.filter((name) => name.startsWith('docker-compose.'))
  return [[], ...more.map((name) => [`deploy/${name}`])]
}

const LOOPBACK = '127.0.0.1'
const OPERATOR_PORT = 3001

/** What the files say, before anything runs. */
export const composeChecks: readonly Check[] = [
  {
    name: 'docker compose config',
    isNeeded: true,
    async run(site) {
      const seen = []
      for (const files of await shipped()) {
        const services = Object.keys(await resolved(site, files))
        seen.push(`${['docker-compose.yml', ...files].join(' + ')}: ${services.join(', ')}`)
      }
      return seen.join('; ')
    }
  },
  {
    name: 'every service is limited and hardened',
    async run(site) {
      const seen = new Set<string>()
      for (const files of await shipped()) {
        for (const [name, service] of Object.entries(await resolved(site, files))) {
          refuse(faultsOf(service).map((fault) => `${name} ${fault}`))
          seen.add(
            `${name} ${Number(service.mem_limit) / 2 ** 20} MB, ${service.pids_limit} pids, ${service.cpus} cpus`
          )
        }
      }
      return [...seen].join('; ')
    }
  },
  {
    name: 'the operator port is published on loopback only, that of Redis not at all',
    async run(site) {
      for (const files of await shipped()) {
        const services = await resolved(site, files)
        const published = Object.values(services).flatMap(({ ports = [] }) => ports)
        const open = published.filter(
          ({ target, host_ip }) => target === OPERATOR_PORT && host_ip !== LOOPBACK
        )
        refuse(open.map(({ host_ip = 'any address' }) => `${OPERATOR_PORT} on ${host_ip}`))
        refuse((services['redis']?.ports ?? []).map(({ target }) => `redis publishes ${target}`))
      }
      return `${OPERATOR_PORT} on ${LOOPBACK}`
    }
  }
]

function faultsOf(service: Service): string[] {
  const rows: readonly (readonly [boolean, string])[] = [
    [service.read_only !== true, 'can write to its root'],
    [service.cap_drop?.join() !== 'ALL', 'keeps capabilities'],
    [service.cap_add !== undefined || service.privileged === true, 'is given capabilities'],
    [!service.security_opt?.includes('no-new-privileges:true'), 'may gain privileges'],
    [!(Number(service.mem_limit) > 0), 'has no memory limit'],
    [!((service.pids_limit ?? 0) > 0), 'has no pids limit'],
    [!((service.cpus ?? 0) > 0), 'has no limit of processor time']
  ]
  return rows.filter(([isFault]) => isFault).map(([, fault]) => fault)
}
