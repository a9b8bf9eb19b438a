import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findRedis } from '../../simulator/find-redis.ts'
import { ROOT } from '../site/processes.ts'

/** What the figures depend on: the machine, the versions and the commit, each with its name. */
export async function describeMachine(): Promise<readonly (readonly [string, string])[]> {
  const processors = cpus()
  const run = promisify(execFile)
  const redis = await run(await findRedis(), ['--version'])
  const [, version = 'unknown'] = /v=(\S+)/.exec(redis.stdout) ?? []
  const commit = await run('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: ROOT }).then(
    ({ stdout }) => stdout.trim(),
    () => 'unknown'
  )
  return [
    ['processor', `${processors[0]?.model.trim() ?? 'unknown'}, ${processors.length} cores`],
    ['memory', `${Math.round(totalmem() / 2 ** 30)} GB`],
    ['kernel', `${type()} ${release()}`],
    ['Node', process.version],
    ['Redis', version],
    ['BullMQ', versionOf('node_modules/bullmq/package.json')],
    ['service', versionOf('package.json')],
    ['commit', commit],
    ['date', new Date().toISOString().slice(0, 10)]
  ]
}

function versionOf(path: string): string {
  return (JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { version: string }).version
}
