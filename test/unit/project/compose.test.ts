import { execFile } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { SECRETS, SETTINGS } from '../../../src/config/settings.ts'

// What docker-compose.yml, the files beside it and the documents say of one another; `npm run test:image` runs them.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const files = ['docker-compose.yml', 'deploy/docker-compose.fleet.yml']
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, { environment?: Record<string, string | null> }>
}

/** What the file decides by its ports; the other way to authorize; and what is for another Redis than the one in it. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  ...['PUBLIC_HOST', 'PUBLIC_PORT', 'ADMIN_PORT', 'METRICS_HOST', 'METRICS_PORT'],
  'KHIPU_JWT',
  ...['REDIS_CA_FILE', 'REDIS_CLUSTER', 'REDIS_SENTINELS', 'REDIS_SENTINEL_NAME'],
  ...['REDIS_SENTINEL_PASSWORD', 'ACK_REPLICAS']
])

/** Addresses that are rarely a secret; whoever has one in them gives a file. */
const MAY_HOLD_ONE: ReadonlySet<string> = new Set(['REDIS_URL', 'HTTPS_PROXY', 'HTTP_PROXY'])

t.test('every setting of the service passes through, the secrets as files', async (t) => {
  for (const service of ['server', 'worker']) {
    const given = Object.keys(compose.services[service]?.environment ?? {})
    const names = Object.keys(SETTINGS.properties).filter((name) => !NOT_PASSED.has(name))
    for (const name of names) {
      const isSecret = SECRETS.some((secret) => secret === name) && !MAY_HOLD_ONE.has(name)
      t.ok(given.includes(isSecret ? `${name}_FILE` : name), `${service} has ${name}`)
      t.notOk(isSecret && given.includes(name), `${name} is not in the environment`)
    }
  }
})

t.test('every variable of the files is in docs/deploy/compose.md, and no other', async (t) => {
  const [, after = ''] = read('docs/deploy/compose.md').split('<!-- compose -->')
  const [table = ''] = after.trim().split('\n\n')
  const documented = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name)
  const used = files.flatMap((file) =>
    [...read(file).matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name)
  )
  // What stands without a value is passed as it is; those of the service are in docs/reference/configuration.md.
  for (const { environment = {} } of Object.values(compose.services)) {
    const passed = Object.keys(environment).filter((name) => environment[name] === null)
    used.push(...passed.filter((name) => !Object.hasOwn(SETTINGS.properties, name)))
  }
  t.same(documented.toSorted(), [...new Set(used)].toSorted())
})

t.test('deploy/demo.env sets what the file knows', async (t) => {
  const known = files.map(read).join('\n')
  for (const [, name = ''] of read('deploy/demo.env').matchAll(/^(\w+)=/gm)) {
    t.match(known, new RegExp(`(?:\\$\\{${name}\\b|^ +${name}:$)`, 'm'), name)
  }
})

t.test('deploy/make-secrets.sh', async (t) => {
  const folder = join(t.testdir(), 'secrets')
  const make = (key: string) =>
    promisify(execFile)(join(root, 'deploy/make-secrets.sh'), [folder], {
      env: { PATH: process.env['PATH'], KHIPU_API_KEY: key }
    })
  const text = (name: string) => readFileSync(join(folder, name), 'utf8')

  await t.test('asks for the key, and makes nothing without it', async (t) => {
    const refused = await make('').catch((error: { stderr: string }) => error)
    t.match(refused.stderr, 'set KHIPU_API_KEY')
    t.throws(() => text('secret_keys.txt'))
  })
  await t.test('makes what the service takes, in a folder that is ours alone', async (t) => {
    await make('the-key')
    t.equal(text('khipu_api_key.txt'), 'the-key\n')
    t.match(text('secret_keys.txt'), /^k1:[\w+/]{43}=\n$/)
    t.match(text('api_tokens.txt'), /^operator:[\w-]{44}\n$/)
    t.equal(statSync(folder).mode & 0o777, 0o700)
    t.equal(statSync(join(folder, 'secret_keys.txt')).mode & 0o777, 0o444, 'for the container')
  })
  await t.test('leaves alone what is there', async (t) => {
    const before = text('secret_keys.txt')
    const { stdout } = await make('')
    t.match(stdout, 'secret_keys.txt is there already')
    t.equal(text('secret_keys.txt'), before)
  })
})
