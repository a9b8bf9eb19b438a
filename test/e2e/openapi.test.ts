import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { askUntilAccepted } from '../helpers/crowd.ts'
import { TOKEN } from '../helpers/service-process.ts'
import { atRest, startWorld } from '../helpers/world.ts'

// What a user does with the OpenAPI document: reads it at /docs, generates types from it, and calls the service with a
// client of them. The packages for that are installed into a folder of their own, because they need TypeScript 5.

t.comment('timeout=180000')

const PACKAGES = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', 'typescript@5.9.3']

const CLIENT = `
import createClient from 'openapi-fetch'
import type { paths } from './api.ts'

declare const process: { readonly argv: readonly string[] }
const [, , baseUrl = '', token = ''] = process.argv
const client = createClient<paths>({ baseUrl, headers: { Authorization: \`Bearer \${token}\` } })

const created = await client.POST('/v1/requests', {
  body: { RequestData: { AccountNumber: '1001-2' }, reference: 'generated' }
})
const requestId: string | undefined = created.data?.requestId

const listed = await client.GET('/v1/requests', {
  params: { query: { state: 'delivered,failed', limit: 10 } }
})
const total: number | null | undefined = listed.data?.total
const references = listed.data?.items.map(({ reference }) => reference)

const summary = await client.GET('/v1/summary', { params: { query: { by: 'reason,code' } } })
const level: 'ok' | 'attention' | 'trouble' | undefined = summary.data?.verdict.level

const unknown = await client.GET('/v1/requests/{id}', { params: { path: { id: 'none' } } })
const code: string | undefined = unknown.error?.code

console.log(JSON.stringify({ requestId, total, references, level, code }))
`

/** Each line of it, and of no other, is a mistake. */
const WRONG = [
  "await client.POST('/v1/requests', { body: { reference: 'no data' } })",
  "await client.GET('/v1/requests', { params: { query: { limit: 'ten' } } })",
  "await client.GET('/v1/request')",
  "const level: 'fine' | undefined = (await client.GET('/v1/summary')).data?.verdict.level"
]
const WRONG_HEAD = `import createClient from 'openapi-fetch'
import type { paths } from './api.ts'
const client = createClient<paths>({ baseUrl: '' })
`

const COMPILER = {
  files: ['client.ts', 'wrong.ts'],
  compilerOptions: {
    noEmit: true,
    strict: true,
    allowImportingTsExtensions: true,
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'dom'],
    types: []
  }
}

/** What npm says where it reaches no registry. */
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/

const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'khipu-openapi-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const skip = await install()

void t.test(
  'types are generated from the document, and a client of them works',
  { skip },
  async (t) => {
    const world = await startWorld(t)
    const service = await world.start()
    // It no longer moves when the client lists it.
    await atRest(service, await askUntilAccepted(service, '1001-1'))
    const answer = await fetch(`${service.adminUrl}/openapi.json`)
    await writeFile(join(folder, 'openapi.json'), await answer.text())
    const installed = (program: string, args: readonly string[]) =>
      run(process.execPath, [join(folder, 'node_modules', program), ...args], { cwd: folder })

    await installed('openapi-typescript/bin/cli.js', ['openapi.json', '-o', 'api.ts'])
    await writeFile(join(folder, 'client.ts'), CLIENT)
    await writeFile(join(folder, 'wrong.ts'), WRONG_HEAD + WRONG.join('\n'))
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(COMPILER))
    const found = await installed('typescript/bin/tsc', ['--pretty', 'false']).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout
    )
    const places = [...found.matchAll(/^(\S+?)\((\d+),\d+\): error/gm)]
    t.same(
      new Set(places.map(([, file, line]) => `${file}:${line}`)),
      new Set(WRONG.map((_, at) => `wrong.ts:${at + 4}`)),
      found
    )

    const { stdout } = await run(process.execPath, ['client.ts', service.adminUrl, TOKEN], {
      cwd: folder
    })
    const seen = JSON.parse(stdout) as { total: number; references: string[] }
    t.ok(seen.references.includes('1001-1') && seen.total >= 1, stdout)
    t.match(seen, {
      requestId: /^[0-9a-f-]{36}$/,
      level: 'ok',
      code: 'unknown-request'
    })
  }
)

t.test('what is built serves /docs with all of its files', async (t) => {
  const { adminUrl } = await (await startWorld(t)).start()
  const page = await (await fetch(`${adminUrl}/docs`)).text()
  const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link)
  t.ok(links.length >= 5)
  for (const link of links) {
    const answer = await fetch(adminUrl + link)
    t.equal(answer.status, 200, link)
    t.ok((await answer.text()).length > 100, link)
  }
})

/** Installs the packages. False once they are there, otherwise why they can't be had. */
async function install(): Promise<string | false> {
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  const soon = ['--fetch-retries', '1', '--fetch-timeout', '20000']
  try {
    await run('npm', ['install', '--prefix', folder, ...quietly, ...soon, ...PACKAGES], {
      cwd: folder
    })
    return false
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string }
    if (code === 'ENOENT') return 'npm is not there'
    const [why] = UNREACHABLE.exec(stderr) ?? []
    if (why === undefined) throw error
    return `npm reaches no registry: ${why}`
  }
}
