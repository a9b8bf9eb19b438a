import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { startWorld } from '../helpers/world.ts'
import { licenceFaults, licenceList } from '../../scripts/licences.ts'
import { type Locked, readLockfile, shippedPackages } from '../../scripts/lockfile.ts'
import { type Bom, makeSbom, schemaFaults } from '../../scripts/sbom.ts'

// What is installed is what was looked at: the lockfile, the scripts, the licences, the image, the SBOM.

const ELSEWHERE = 'does not come from a registry'
const UNPROVEN = 'has no sha512'
const INEXACT = 'has no exact version'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  allowScripts: Record<string, boolean>
}
const lockfile = readLockfile(root)
const installed = Object.entries(lockfile.packages).filter(([folder]) => folder !== '')
const shipped = installed.filter(([, { dev }]) => dev !== true)

t.test('every package of the lockfile is one exact archive of a registry', async (t) => {
  t.equal(lockfile.lockfileVersion, 3)
  t.ok(installed.length > 300, 'the lockfile was read')
  t.same(
    installed.flatMap(([folder, one]) => archiveFaults(one).map((fault) => `${folder} ${fault}`)),
    []
  )
})

t.test('a package that is anything else is found out', async (t) => {
  const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`
  const good = { version: '1.2.3', integrity }
  const rows: [one: Locked, faults: string[]][] = [
    [good, []],
    [{ ...good, resolved: 'https://registry.example/a/-/a-1.2.3.tgz' }, []],
    [{ ...good, resolved: 'http://registry.example/a/-/a-1.2.3.tgz' }, [ELSEWHERE]],
    [{ ...good, resolved: 'git+ssh://git@host.example/a.git#0a1b2c' }, [ELSEWHERE]],
    [{ ...good, resolved: 'https://host.example/a.git#0a1b2c' }, [ELSEWHERE]],
    [{ ...good, resolved: 'file:a-1.2.3.tgz' }, [ELSEWHERE]],
    [{ ...good, link: true }, [ELSEWHERE]],
    [{ version: '1.2.3' }, [UNPROVEN]],
    [{ ...good, integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, [UNPROVEN]],
    [{ ...good, integrity: `${integrity} sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=` }, [UNPROVEN]],
    [{ integrity }, [INEXACT]],
    [{ version: '^1.2.3', integrity }, [INEXACT]]
  ]
  for (const [one, faults] of rows) t.same(archiveFaults(one), faults, JSON.stringify(one))
})

t.test('the lockfile is that of package.json', async (t) => {
  const { dependencies, devDependencies } = lockfile.packages[''] ?? {}
  t.same(dependencies, manifest.dependencies)
  t.same(devDependencies, manifest.devDependencies)
  for (const name of Object.keys(manifest.dependencies)) {
    t.match(lockfile.packages[`node_modules/${name}`], { version: String }, name)
    t.not(lockfile.packages[`node_modules/${name}`]?.dev, true, `${name} is in production`)
  }
  for (const name of Object.keys(manifest.devDependencies)) {
    t.match(lockfile.packages[`node_modules/${name}`], { version: String }, name)
  }
})

t.test('production needs no install script', async (t) => {
  const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true)
  await t.test('the only package there that has one is optional, and not allowed to', async (t) => {
    const there = scripted.filter(([, { dev }]) => dev !== true)
    t.same(
      there.map(([folder, { optional }]) => [folder, optional]),
      [['node_modules/msgpackr-extract', true]]
    )
    t.equal(manifest.allowScripts['msgpackr-extract'], false)
  })
  await t.test('somebody has decided on each, in development as well', async (t) => {
    const names = scripted.map(([folder]) => folder.replace('node_modules/', ''))
    t.same(Object.keys(manifest.allowScripts).toSorted(), names.toSorted())
  })
  await t.test('the project itself has none', async (t) => {
    const own = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare']
    t.same(
      Object.keys(manifest.scripts).filter((name) => own.includes(name)),
      []
    )
  })
  await t.test('the service starts and works without that package', async (t) => {
    const world = await startWorld(t)
    const NODE_OPTIONS = `${process.env['NODE_OPTIONS'] ?? ''} --import=${withoutExtract()}`
    const service = await world.start({ NODE_OPTIONS })
    t.equal((await service.api('GET', '/v1/requests')).status, 200)
    t.match(service.stderr(), 'msgpackr-extract was asked for, and refused')
    t.equal((await service.stop()).code, 0)
  })
})

t.test('every licence in production is allowed', async (t) => {
  const packages = shippedPackages(lockfile)
  t.same(licenceFaults(packages), [])
  for (const licence of ['GPL-3.0-only', 'AGPL-3.0-or-later', 'UNLICENSED', 'none', '']) {
    const planted = { id: 'planted@1.0.0', name: 'planted', version: '1.0.0', licence }
    t.match(licenceFaults([...packages, planted]), [/^planted@1\.0\.0 /], `not ${licence}`)
  }
  t.match(
    licenceFaults(
      shippedPackages({ ...lockfile, packages: { 'node_modules/a': { version: '1' } } })
    ),
    [/^a@1 .+ none$/],
    'a package without a licence'
  )
})

t.test('LICENCES.md lists every package in production', async (t) => {
  t.equal(read('LICENCES.md'), licenceList(shippedPackages(lockfile)), 'run: npm run licences')
  const rows = read('LICENCES.md').split('\n')
  for (const [folder, { version, license }] of shipped) {
    const name = folder.split('node_modules/').at(-1)
    t.ok(rows.includes(`| ${name} | ${version} | ${license} |`), folder)
  }
})

t.test('the image', async (t) => {
  const stages = readStages(read('Dockerfile'))
  const service = stages.at(-1)
  const copied = (name = ''): string[] => {
    const stage = stages.find((one) => one.name === name)
    if (!stage) return []
    return [...copied(stage.from), ...stage.commands.filter((line) => line.startsWith('COPY '))]
  }
  await t.test('is that of the service where no target is told', async (t) => {
    t.equal(service?.name, 'service')
  })
  await t.test('has the production packages, installed without a script', async (t) => {
    const { commands = [] } = stages.find(({ name }) => name === 'dependencies') ?? {}
    const [run = '', ...more] = commands.filter((line) => line.startsWith('RUN '))
    t.match(run, /^RUN npm ci --omit=dev --ignore-scripts( --no-audit| --no-fund)*$/)
    t.same(more, [])
  })
  await t.test(
    'runs no other installation with scripts, and none without a lockfile',
    async (t) => {
      const lines = stages.flatMap(({ commands }) => commands)
      const npm = lines.filter((line) => /^RUN .*\b(npm|npx|yarn|pnpm)\s+[a-z]/.test(line))
      t.equal(npm.length, 2)
      for (const line of npm) t.match(line, /^RUN npm ci (--omit=dev )?--ignore-scripts\b[^&;|]*$/)
    }
  )
  await t.test('is made of these files only: no test, no simulator', async (t) => {
    t.same(copied(service?.name), [
      'COPY --from=dependencies /app/node_modules ./node_modules',
      'COPY package.json ./',
      'COPY schemas ./schemas',
      'COPY --from=build /build/dist ./dist',
      'COPY src/ledger/lua ./src/ledger/lua',
      'COPY src/operator/pages/assets ./src/operator/pages/assets'
    ])
    t.same(
      copied('build').filter((line) => /\b(test|simulator|bench)\b|COPY (--\S+ )*\.\s/.test(line)),
      []
    )
  })
})

t.test('npm run sbom', async (t) => {
  const bom = await makeSbom(root)

  await t.test('lists every package in production, with version, licence and hash', async (t) => {
    t.same(
      new Set(bom.components.map(rowOf)),
      new Set(
        shipped.map(([folder, { version, license, integrity = '' }]) => {
          const hash = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
          return [folder.split('node_modules/').at(-1), version, license, 'SHA-512', hash].join(' ')
        })
      )
    )
  })
  await t.test('lists each once, and none that only development has', async (t) => {
    const refs = bom.components.map((one) => one['bom-ref'])
    t.equal(new Set(refs).size, refs.length)
    const onlyDevelopment = installed
      .filter(([, { dev }]) => dev === true)
      .map(([folder, { version }]) => `${folder.split('node_modules/').at(-1)}@${version}`)
    const both = new Set(shippedPackages(lockfile).map(({ id }) => id))
    t.ok(onlyDevelopment.some((id) => id.startsWith('tap@')))
    t.same(
      refs.filter((ref) => onlyDevelopment.includes(ref) && !both.has(ref)),
      []
    )
  })
  await t.test('tells what depends on what', async (t) => {
    const graph = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]))
    const top = bom.metadata.component['bom-ref']
    t.same(
      (graph.get(top) ?? []).map((ref) => ref.slice(0, ref.lastIndexOf('@'))).toSorted(),
      Object.keys(lockfile.packages['']?.dependencies ?? {}).toSorted()
    )
    const reached = new Set([top])
    for (const ref of reached) for (const next of graph.get(ref) ?? []) reached.add(next)
    t.same(reached, new Set([top, ...bom.components.map((one) => one['bom-ref'])]))
  })
  await t.test('keeps to the schema of CycloneDX, which finds faults', async (t) => {
    t.same(schemaFaults(bom), [])
    const [first, ...rest] = bom.components
    const faults: [path: RegExp, bom: unknown][] = [
      [/^\/specVersion /, { ...bom, specVersion: 1.5 }],
      [/^\/components\/0 .+'name'/, { ...bom, components: [{ type: 'library' }] }],
      [/^\/components .+duplicate/, { ...bom, components: [first, first, ...rest] }],
      [/license\/id /, { ...bom, components: [{ ...first, licenses: [{ license: { id: 'M' } }] }] }]
    ]
    for (const [path, planted] of faults) t.match(schemaFaults(planted).join('\n'), path)
  })
  await t.test('writes the same bytes again, offline, whatever NODE_ENV says', async (t) => {
    const file = join(t.testdir(), 'folder', 'sbom.cdx.json')
    const { stdout } = await promisify(execFile)(process.execPath, ['scripts/sbom.ts', file], {
      cwd: root,
      env: { ...process.env, NODE_ENV: 'production', npm_config_offline: 'true' }
    })
    t.equal(stdout, `${file}: ${bom.components.length} components, valid CycloneDX 1.5\n`)
    t.equal(readFileSync(file, 'utf8'), `${JSON.stringify(bom, null, 2)}\n`)
    t.notMatch(readFileSync(file, 'utf8'), /timestamp|serialNumber/)
    t.match(manifest.scripts['sbom'], /node scripts\/sbom\.ts$/)
  })
})

// npm may leave `resolved` out, for a registry only: the archive then is that of the name and version in
// whatever registry is set, and `integrity` says whether it is the right one.
function archiveFaults({ version = '', resolved, integrity = '', link = false }: Locked): string[] {
  const isRegistry = resolved === undefined || /^https:\/\/.+\.tgz$/.test(resolved)
  return [
    ...(isRegistry && !link ? [] : [ELSEWHERE]),
    ...(/^sha512-[\w+/]{86}==$/.test(integrity) ? [] : [UNPROVEN]),
    ...(/^\d+\.\d+\.\d+(?:[-+].+)?$/.test(version) ? [] : [INEXACT])
  ]
}

/** What a process imports first so that msgpackr-extract is not there for it. */
function withoutExtract(): string {
  const code = `
    import { writeSync } from 'node:fs'
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(name, context, next) {
        if (!name.includes('msgpackr-extract')) return next(name, context)
        writeSync(2, 'msgpackr-extract was asked for, and refused\\n')
        throw Object.assign(new Error('refused by the test'), { code: 'MODULE_NOT_FOUND' })
      }
    })`
  return `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`
}

interface Stage {
  readonly name: string
  /** An image, or the name of another stage. */
  readonly from: string
  readonly commands: readonly string[]
}

function readStages(dockerfile: string): Stage[] {
  const joined = dockerfile.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\s*\\\n\s*/g, ' ')
  return joined
    .split(/^(?=FROM )/m)
    .filter((part) => part.startsWith('FROM '))
    .map((part) => {
      const [head = '', ...commands] = part.split('\n').filter((line) => line.trim() !== '')
      const [, from = '', , name = ''] = head.split(' ')
      return { name, from, commands }
    })
}

function rowOf({ name, version, licenses = [], hashes = [] }: Bom['components'][number]): string {
  const licence = licenses.map(({ license }) => license?.id).join(' ')
  const hash = hashes.map(({ alg, content }) => `${alg} ${content}`).join(' ')
  return `${name} ${version} ${licence} ${hash}`
}
