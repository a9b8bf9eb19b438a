import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { FileResult } from './run-test-file.ts'

/** How long each test file took when it was last run here, so that a run can begin with the slowest. */
export interface TestTimes {
  /** The slowest first. Of files that were never run, the largest first. */
  sort(files: readonly string[]): string[]
  /** Parts of them that take about the same time. */
  deal(files: readonly string[], parts: number): string[][]
  /** Remembers them for the next run. */
  save(results: readonly FileResult[]): void
}

/** A new file may be a slow one. */
const UNKNOWN_MS = 1e9

export function openTestTimes(root: string, path: string): TestTimes {
  const times = new Map(Object.entries(read(path)))
  const sizeOf = (file: string) => statSync(join(root, file)).size
  const timeOf = (file: string) => times.get(file) ?? UNKNOWN_MS
  const sort = (files: readonly string[]) =>
    files.toSorted((one, other) => timeOf(other) - timeOf(one) || sizeOf(other) - sizeOf(one))
  return {
    sort,
    deal(files, parts) {
      const dealt = Array.from({ length: parts }, () => ({ files: [] as string[], ms: 0 }))
      for (const file of sort(files)) {
        const least = dealt.reduce((one, other) => (other.ms < one.ms ? other : one))
        least.files.push(file)
        least.ms += timeOf(file)
      }
      return dealt.map((part) => part.files).filter((part) => part.length > 0)
    },
    save(results) {
      for (const { file, ms } of results) times.set(file, ms)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, JSON.stringify(Object.fromEntries(times), null, 2))
    }
  }
}

function read(path: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>
  } catch {
    return {}
  }
}
