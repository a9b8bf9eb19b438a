import { existsSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A tier of tests: what it may touch grows from one to the next, and so does its time. */
export interface Tier {
  readonly name: string
  /** Whether a process runs many files, which saves the start of one for each. */
  readonly isBatched: boolean
  /** How many files run at once: those that wait more than they work leave room for others. */
  readonly jobs: number
  /** Whether its tests share a Redis, which is started for them. */
  readonly needsRedis: boolean
  /** Whether its tests start processes of the service: they start what `npm run build` makes. */
  readonly needsBuild: boolean
  /** Tells how much of `src` the tests reach. What starts processes of its own is not asked. */
  readonly isCovered: boolean
}

/** In the order in which they run. */
export const TIERS: readonly Tier[] = [
  { name: 'unit', isBatched: true, jobs: 2, needsRedis: false, needsBuild: false, isCovered: true },
  {
    name: 'integration',
    isBatched: true,
    jobs: 2,
    needsRedis: true,
    needsBuild: false,
    isCovered: true
  },
  { name: 'e2e', isBatched: false, jobs: 3, needsRedis: true, needsBuild: true, isCovered: false },
  {
    name: 'browser',
    isBatched: false,
    jobs: 1,
    needsRedis: true,
    needsBuild: true,
    isCovered: false
  },
  { name: 'chaos', isBatched: false, jobs: 1, needsRedis: true, needsBuild: true, isCovered: false }
]

/** Those that `npm test` runs. */
export const USUAL: readonly string[] = ['unit', 'integration', 'e2e']

/** The tests of some tiers. */
export interface Chosen {
  readonly tier: Tier
  readonly files: readonly string[]
}

/** What names of tiers, files and folders stand for, tier by tier; throws where one stands for nothing. */
export function chooseTests(root: string, given: readonly string[]): Chosen[] {
  const names = given.length > 0 ? given : USUAL
  const files = new Set(names.flatMap((name) => testFiles(root, name)))
  return TIERS.flatMap((tier) => {
    const mine = [...files].filter((file) => file.startsWith(`test/${tier.name}/`)).toSorted()
    return mine.length > 0 ? [{ tier, files: mine }] : []
  })
}

function testFiles(root: string, name: string): string[] {
  const path = TIERS.some((tier) => tier.name === name) ? `test/${name}` : name.replace(/^\.\//, '')
  const at = join(root, path)
  const isFolder = existsSync(at) && statSync(at).isDirectory()
  const found = isFolder
    ? globSync(`${path.replace(/\/$/, '')}/**/*.test.ts`, { cwd: root })
    : existsSync(at)
      ? [path]
      : []
  const tests = found.filter((file) => TIERS.some((tier) => file.startsWith(`test/${tier.name}/`)))
  if (tests.length === 0) throw new Error(`${name} is no test: name a tier, a file or a folder`)
  return tests
}
