// What `npm version` runs around its commit, as package.json says, and what the release workflow asks of a tag:
// node scripts/release.ts before | changelog | after | notes <tag>. It needs no package.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { notesOf, releaseChangelog } from './changelog.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const file = join(root, 'CHANGELOG.md')
const today = new Date().toISOString().slice(0, 10)

const steps = new Map<string, (argument: string) => string>([
  ['before', before],
  ['changelog', changelog],
  ['after', after],
  ['notes', notes]
])

const [name = '', argument = ''] = process.argv.slice(2)
const step = steps.get(name)
try {
  if (!step) throw new Error(`no such step: ${name}`)
  console.log(step(argument))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/** Whether a version can be made of what is here. */
function before(): string {
  const branch = git('branch', '--show-current')
  if (branch !== 'main') throw new Error(`versions are made of main, not of '${branch}'`)
  const changes = git('status', '--porcelain')
  if (changes !== '') throw new Error(`there are changes that no commit has:\n${changes}`)
  // Of any version: whether there is something to release.
  releaseChangelog(readFileSync(file, 'utf8'), 'next', today)
  return 'main, with everything committed and something to release'
}

/** npm has written the new version into package.json already. */
function changelog(): string {
  const version = readVersion()
  writeFileSync(file, releaseChangelog(readFileSync(file, 'utf8'), version, today))
  return `CHANGELOG.md: ${version} - ${today}`
}

function after(): string {
  const tag = `v${readVersion()}`
  return `${tag} is committed and tagged, here alone. To publish it: git push --atomic origin main ${tag}`
}

function notes(tag: string): string {
  const version = readVersion()
  if (tag !== `v${version}`) throw new Error(`the tag is '${tag}', and package.json has ${version}`)
  return notesOf(readFileSync(file, 'utf8'), version)
}

function readVersion(): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return (manifest as { version: string }).version
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
}
