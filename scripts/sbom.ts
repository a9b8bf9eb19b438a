// Writes the CycloneDX SBOM of what runs in production: node scripts/sbom.ts [file], or npm run sbom.
//
// The bill is npm's own, put right. With `--omit dev` npm leaves out whatever the tests use as well, such
// as uuid; npm 10 lists a package as often as it lies there, which CycloneDX forbids; it calls the project
// by the name of its folder; and no two bills are the same. So npm is asked for everything, and
// package-lock.json says what stays.
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Ajv, type AnySchemaObject } from 'ajv'
import { readLockfile, shippedPackages } from './lockfile.ts'

export interface Component {
  readonly 'bom-ref': string
  readonly type: string
  readonly name: string
  readonly version: string
  readonly scope: string
  readonly purl: string
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
  readonly licenses?: readonly { readonly license?: { readonly id: string } }[]
}

interface Dependency {
  readonly ref: string
  readonly dependsOn: readonly string[]
}

/** What is read of a bill of CycloneDX 1.5. */
export interface Bom {
  readonly specVersion: string
  readonly metadata: { readonly component: Component; readonly tools: unknown }
  readonly components: readonly Component[]
  readonly dependencies: readonly Dependency[]
}

/** The bill of materials of the project at `root`: the same for the same package-lock.json and npm. */
export async function makeSbom(root: string): Promise<Bom> {
  const { metadata, components, dependencies, ...rest } = await askNpm(root)
  const lockfile = readLockfile(root)
  const shipped = new Set(shippedPackages(lockfile).map(({ id }) => id))
  const top = metadata.component['bom-ref']
  const known = new Set([top, ...shipped])
  // What the tests use themselves may also run in production, but it is not the service that depends on it.
  const own = new Set(Object.keys(lockfile.packages['']?.dependencies ?? {}))
  const isOurs = (id: string) => own.has(id.slice(0, id.lastIndexOf('@')))
  const bom = {
    ...rest,
    metadata: {
      tools: metadata.tools,
      component: { ...essence(metadata.component), name: lockfile.name }
    },
    components: firsts(components, (one) => one['bom-ref'])
      .filter((one) => shipped.has(one['bom-ref']))
      .map(essence),
    dependencies: firsts(dependencies, ({ ref }) => ref)
      .filter(({ ref }) => known.has(ref))
      .map(({ ref, dependsOn }) => {
        const ids = [...new Set(dependsOn)].filter((id) => known.has(id))
        return { ref, dependsOn: (ref === top ? ids.filter(isOurs) : ids).toSorted() }
      })
  }
  const listed = new Set(bom.components.map((one) => one['bom-ref']))
  const faults = [
    ...[...shipped].filter((id) => !listed.has(id)).map((id) => `npm does not tell of ${id}`),
    ...schemaFaults(bom)
  ]
  if (faults.length > 0) throw new Error(`no SBOM:\n${faults.join('\n')}`)
  return bom
}

/** What breaks the schema that CycloneDX publishes, one line each. */
export function schemaFaults(bom: unknown): string[] {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
  for (const name of ['spdx', 'jsf-0.82']) {
    ajv.addSchema(readSchema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`)
  }
  const validate = ajv.compile(readSchema('bom-1.5'))
  if (validate(bom)) return []
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

// The package's own validator would take a dozen more packages, for formats that this bill has none of.
function readSchema(name: string): AnySchemaObject {
  const library = import.meta.resolve('@cyclonedx/cyclonedx-library/package.json')
  const file = new URL(`res/schema/${name}.SNAPSHOT.schema.json`, library)
  return JSON.parse(readFileSync(file, 'utf8')) as AnySchemaObject
}

async function askNpm(root: string): Promise<Bom & Record<string, unknown>> {
  // Whatever the surroundings say about omitting, such as NODE_ENV.
  const everything = ['dev', 'optional', 'peer'].map((kind) => `--include=${kind}`)
  const format = ['--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
  const { stdout } = await promisify(execFile)('npm', ['sbom', ...format, ...everything], {
    cwd: root,
    maxBuffer: 100 * 1024 * 1024
  })
  const { serialNumber: _chance, ...bom } = JSON.parse(stdout) as Bom & Record<string, unknown>
  return bom
}

/** Without what differs between versions of npm, or with what happens to be installed. */
function essence(component: Component): Component {
  const kept = ['bom-ref', 'type', 'name', 'version', 'scope', 'purl', 'hashes', 'licenses']
  const entries = Object.entries(component).filter(([field]) => kept.includes(field))
  return Object.fromEntries(entries) as unknown as Component
}

function firsts<T>(all: readonly T[], keyOf: (one: T) => string): T[] {
  return [...Map.groupBy(all, keyOf).values()].flatMap((same) => same.slice(0, 1))
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const file = process.argv[2] ?? 'dist/sbom.cdx.json'
  const bom = await makeSbom(root)
  const output = resolve(root, file)
  mkdirSync(dirname(output), { recursive: true })
  writeFileSync(output, `${JSON.stringify(bom, null, 2)}\n`)
  console.log(`${file}: ${bom.components.length} components, valid CycloneDX ${bom.specVersion}`)
}
