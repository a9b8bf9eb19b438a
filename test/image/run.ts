import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const MOST_OUTPUT = 100_000_000
const ENDS_WITHIN_MS = 600_000

/** Runs a command to its end; resolves with what it printed, rejects with the end of its complaint. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {}
): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], {
    env: { ...process.env, ...env },
    maxBuffer: MOST_OUTPUT,
    timeout: ENDS_WITHIN_MS
  }).catch((error: Error & { stderr?: string }) => {
    const end = (error.stderr ?? '').trim().split('\n').slice(-8).join('\n')
    throw new Error(`${command} ${args.slice(0, 4).join(' ')} failed: ${end || error.message}`)
  })
  return stdout
}
