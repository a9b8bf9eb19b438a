// Writes LICENCES.md from package-lock.json. With --check it only compares, for CI. Either way it fails
// where a package has a licence that nobody has looked at.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readLockfile, type Shipped, shippedPackages } from './lockfile.ts'

// Each lets a service use, change and pass on the package for nothing more than its notice. A choice such
// as `(MIT OR GPL-3.0)` is none of them: it gets a row of its own once somebody has read it.
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense'
])

const COMMAND = 'npm run licences'

/** What LICENCES.md has to say. */
export function licenceList(packages: readonly Shipped[]): string {
  const counts = Object.entries(Object.groupBy(packages, ({ licence }) => licence))
    .map(([licence, all = []]) => `${licence} (${all.length})`)
    .toSorted()
  return `# Licences of the packages in production

Made from package-lock.json by \`${COMMAND}\`; do not edit. All that \`npm ci --omit=dev\` may install, on
any platform: ${packages.length} packages.

${counts.map((count) => `- ${count}`).join('\n')}

| package | version | licence |
| --- | --- | --- |
${packages.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`).join('\n')}
`
}

/** The packages whose licence is not allowed, one line each. */
export function licenceFaults(packages: readonly Shipped[]): string[] {
  return packages
    .filter(({ licence }) => !ALLOWED.has(licence))
    .map(({ id, licence }) => `${id} has a licence that is not allowed: ${licence}`)
}

if (import.meta.main) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const output = join(root, 'LICENCES.md')
  const packages = shippedPackages(readLockfile(root))
  const list = licenceList(packages)
  const faults = licenceFaults(packages)
  if (!process.argv.includes('--check')) {
    writeFileSync(output, list)
    console.log(`LICENCES.md: ${packages.length} packages`)
  } else if (!existsSync(output) || readFileSync(output, 'utf8') !== list) {
    faults.push(`LICENCES.md does not match package-lock.json. Run: ${COMMAND}`)
  }
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) process.exitCode = 1
}
