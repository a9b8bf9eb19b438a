import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findRedis } from '../../simulator/find-redis.ts'
import { startServer } from '../../simulator/redis-server.ts'
import { freePort } from '../../simulator/free-port.ts'
import type { Env } from './service-process.ts'
import type { Scope } from './world.ts'

const execute = promisify(execFile)

/** The shell lines behind a mark in `docs/operate/backup-and-restore.md`, to the letter. */
function readRecipe(mark: string): string {
  const document = readFileSync(
    new URL('../../docs/operate/backup-and-restore.md', import.meta.url),
    'utf8'
  )
  const [, after = ''] = document.split(`<!-- ${mark} -->`)
  const [, lines] = /^\s*```sh\n(.*?)^```$/ms.exec(after) ?? []
  if (lines === undefined) throw new Error(`there is no recipe ${mark}`)
  return lines
}

/** A folder in which recipes are run, with Redis's programs by the names that the recipes use. */
export interface Kitchen {
  readonly folder: string
  /** Runs the lines of a recipe; rejects with what they said where one of them fails. */
  run(mark: string, env: Env): Promise<void>
  /** Starts Redis as it is shipped, on a folder in here. */
  startRedis(name: string): Promise<{ readonly url: string }>
}

export async function openKitchen(scope: Scope): Promise<Kitchen> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-recipe-'))
  scope.teardown(() => rm(folder, { recursive: true, force: true }))
  const binary = await findRedis()
  const client = join(dirname(binary), basename(binary).replace('-server', '-cli'))
  const programs = join(folder, 'programs')
  await mkdir(programs)
  await symlink(binary, join(programs, 'redis-server'))
  await symlink(client, join(programs, 'redis-cli'))
  const path = `${programs}:${process.env['PATH']}`

  return {
    folder,
    async run(mark, env) {
      const options = { cwd: folder, timeout: 60_000, env: { PATH: path, ...env } }
      await execute('sh', ['-euc', readRecipe(mark)], options)
    },
    async startRedis(name) {
      const port = await freePort()
      const server = await startServer({ binary, folder: join(folder, name), port })
      scope.teardown(() => server.end('SIGTERM'))
      return { url: `redis://127.0.0.1:${port}` }
    }
  }
}
