import { inspect } from 'node:util'
import type { Failure, FileResult } from './run-test-file.ts'

// What tap says of every failure, and what the stack says better.
const NOISE: ReadonlySet<string> = new Set(['at'])

/** One line for a file, with its failures in full below it. */
export function describeFile({ file, ms, passed, failed, skipped, printed }: FileResult): string {
  const asserts = passed + failed.length
  const skips = skipped.length > 0 ? `, ${skipped.length} skipped` : ''
  const line = `${failed.length > 0 ? 'FAIL' : 'ok  '}  ${file}  (${asserts} asserts${skips}, ${ms} ms)\n`
  const rest = failed.length > 0 ? `${failed.map(explain).join('')}${indent(printed)}\n` : ''
  return line + rest
}

/** What did not run or failed in a tier, a line each. */
export function describeOutcomes(tier: string, results: readonly FileResult[]): string[] {
  return [
    ...results.flatMap(({ file, skipped }) =>
      skipped.map(({ name, reason }) => `skip  ${tier}  ${file} > ${name}: ${reason}`)
    ),
    ...results.flatMap(({ file, failed }) =>
      failed.map(({ name }) => `FAIL  ${tier}  ${file} > ${name}`)
    )
  ]
}

/** The ten files that took longest. */
export function describeSlowest(results: readonly FileResult[]): string[] {
  return results
    .toSorted((one, other) => other.ms - one.ms)
    .slice(0, 10)
    .map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(6)} s  ${file}`)
}

function explain({ name, diag }: Failure): string {
  const fields = Object.entries(diag).filter(([key]) => !NOISE.has(key))
  return `\n    ${name}\n${fields.map(([key, value]) => `${indent(describe(key, value))}\n`).join('')}`
}

function describe(key: string, value: unknown): string {
  const text = typeof value === 'string' ? value : inspect(value, { depth: 6, breakLength: 90 })
  return text.includes('\n') ? `${key}:\n${indent(text)}` : `${key}: ${text}`
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '      ')
}
