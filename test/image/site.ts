import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../simulator/free-port.ts'
import { until } from '../helpers/until.ts'
import { run } from './run.ts'

/** Where docker-compose.yml is tried out: a project with a name, images, ports and secrets of its own. */
export interface Site {
  readonly project: string
  readonly images: { readonly service: string; readonly simulator: string }
  /** A folder that goes with the site; `secrets` is in it. */
  readonly folder: string
  /** The text of each secret. */
  readonly secrets: readonly string[]
  readonly simulatorUrl: string
  /** Runs `docker`; resolves with what it printed. */
  docker(...args: string[]): Promise<string>
  /** Runs `docker compose` for the project, with the files that are in use. */
  compose(...args: string[]): Promise<string>
  /** Runs a shell's script in a service's container, as its user. */
  inside(service: string, script: string): Promise<string>
  containerOf(service: string): Promise<string>
  /** What a service has printed. */
  logOf(service: string): Promise<string>
  /** Calls the operator API of a server. */
  api<T>(method: string, path: string, options?: CallOptions): Promise<{ status: number; body: T }>
  untilHealthy(...services: string[]): Promise<void>
  /** Uses these files of Compose from now on, after docker-compose.yml, and these variables. */
  use(files: readonly string[], variables?: Readonly<Record<string, string>>): void
  /** Ends what runs, and removes its volumes and networks. */
  down(): Promise<void>
  /** The same, and the images and the folder. */
  close(): Promise<void>
}

export interface CallOptions {
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  /** Of several servers, this one. */
  readonly port?: number
}

export const root = fileURLToPath(new URL('../..', import.meta.url))
const ANSWER_WITHIN_MS = 10_000
const HEALTHY_WITHIN_MS = 90_000

/** A site on which nothing has been built or started. */
export async function openSite(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-container-'))
  const project = `khipu-test-${process.pid}`
  const secretsFolder = join(folder, 'secrets')
  const khipuApiKey = `khipu-${process.pid}-key-of-the-test`
  await run(join(root, 'deploy/make-secrets.sh'), [secretsFolder], { KHIPU_API_KEY: khipuApiKey })
  const read = async (name: string) => (await readFile(join(secretsFolder, name), 'utf8')).trim()
  const [keys, tokens] = await Promise.all([read('secret_keys.txt'), read('api_tokens.txt')])
  const secrets = [keys, tokens].map((text) => text.slice(text.indexOf(':') + 1))
  const [, token = ''] = secrets
  const [publicPort, adminPort, simulatorPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort()
  ])
  const images = { service: `khipu-receiver:${project}`, simulator: `khipu-simulator:${project}` }
  const env = {
    IMAGE: images.service,
    SIMULATOR_IMAGE: images.simulator,
    SECRETS_DIR: secretsFolder,
    TEST_PUBLIC_PORT: String(publicPort),
    TEST_ADMIN_PORT: String(adminPort),
    TEST_SIMULATOR_PORT: String(simulatorPort)
  }
  let files: readonly string[] = ['test/image/compose.test.yml']
  let variables: Readonly<Record<string, string>> = {}

  const docker = (...args: string[]) => run('docker', args)
  const compose = (...args: string[]) => {
    const named = ['docker-compose.yml', ...files].flatMap((file) => ['--file', join(root, file)])
    const how = [
      '--project-name',
      project,
      '--env-file',
      join(root, 'deploy/demo.env'),
      '--profile',
      'demo'
    ]
    return run('docker', ['compose', ...named, ...how, ...args], { ...env, ...variables })
  }
  const containerOf = async (service: string) => {
    const id = (await compose('ps', '--all', '--quiet', service)).trim()
    if (id === '') throw new Error(`${service} has no container`)
    return id
  }
  const down = async () =>
    void (await compose('down', '--volumes', '--timeout', '12', '--remove-orphans'))
  return {
    project,
    images,
    folder,
    secrets: [...secrets, khipuApiKey],
    simulatorUrl: `http://127.0.0.1:${simulatorPort}`,
    docker,
    compose,
    containerOf,
    // Not by Compose, which strews control characters in.
    logOf: async (service) =>
      run('sh', ['-c', 'docker logs "$1" 2>&1', 'sh', await containerOf(service)]),
    inside: async (service, script) =>
      docker('exec', await containerOf(service), 'sh', '-c', script),
    async api<T>(
      method: string,
      path: string,
      { body, headers, port = adminPort }: CallOptions = {}
    ) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers
        },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      return { status: answer.status, body: (await answer.json()) as T }
    },
    async untilHealthy(...services) {
      for (const service of services) {
        const format = '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}'
        const isHealthy = async () =>
          (await docker('inspect', '--format', format, await containerOf(service))).trim() ===
          'running healthy'
        await until(`${service} is healthy`, isHealthy, HEALTHY_WITHIN_MS)
      }
    },
    use(wanted, more = {}) {
      files = wanted
      variables = more
    },
    down,
    async close() {
      await down()
      await docker('image', 'rm', '--force', ...Object.values(images)).catch(() => {})
      await rm(folder, { recursive: true, force: true })
    }
  }
}
