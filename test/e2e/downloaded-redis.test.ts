import { execFile } from 'node:child_process'
import { chown, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findOnPath } from '../../simulator/find-on-path.ts'

// A machine without a Redis, and a user who may install nothing: the PATH has apt-get and dpkg-deb alone, and where
// the tests run as root, the process that looks for Redis becomes `nobody` before it does.

const NOBODY = 65_534
const SIMULATOR = new URL('../../simulator/', import.meta.url)

interface Seen {
  readonly uid: number
  /** What findRedis found when it was asked once and when it was asked again. */
  readonly found: readonly [string, string]
  readonly log: readonly string[]
}

const place = await mkdtemp(join(tmpdir(), 'khipu-downloaded-'))
t.teardown(() => rm(place, { recursive: true, force: true }))
// Modules are read before the user changes: `nobody` may not be able to read this checkout.
const script = `
  const { findRedis } = await import('${new URL('find-redis.ts', SIMULATOR).href}')
  const { freePort } = await import('${new URL('free-port.ts', SIMULATOR).href}')
  const { startServer } = await import('${new URL('redis-server.ts', SIMULATOR).href}')
  if (process.getuid() === 0) {
    process.setgroups([])
    process.setgid(${NOBODY})
    process.setuid(${NOBODY})
  }
  const lines = []
  const settings = { cache: '${place}/cache', log: (line) => lines.push(line) }
  const found = [await findRedis(settings), await findRedis(settings)]
  // Resolves once it has answered PING.
  const server = await startServer({ binary: found[0], folder: '${place}', port: await freePort() })
  await server.end('SIGTERM')
  console.log(JSON.stringify({ uid: process.getuid(), found, log: lines }))
`

/** What apt-get says, or we say of it, where it reaches no source of packages or no source has this one. */
const unreachable = /.*(?:Failed to fetch|Unable to|no installation candidate|was downloaded).*/

const seen = await findAndStart()
const skip = 'hindrance' in seen ? seen.hindrance : false

void t.test('Redis is downloaded, starts, and answers PING, without root', { skip }, async (t) => {
  if ('hindrance' in seen) return
  t.not(seen.uid, 0)
  const [first, again] = seen.found
  t.match(first, new RegExp(`^${place}/cache/redis-server-\\w+/khipu-bin/redis-server$`))
  t.equal(again, first)
  t.match(seen.log, [/downloading one/], 'it is downloaded once')
  const [folder, ...others] = await readdir(join(place, 'cache'))
  t.match(folder, /^redis-server-/)
  t.same(others, [], 'nothing else is left')
})

/** What was seen, or why it could not be tried: the machine is no Debian, or the packages can't be had. */
async function findAndStart(): Promise<Seen | { readonly hindrance: string }> {
  const path = join(place, 'bin')
  await mkdir(path)
  for (const tool of ['apt-get', 'dpkg-deb']) {
    const file = await findOnPath([tool])
    if (file === undefined)
      return { hindrance: `packages are unpacked with ${tool}, which is not here` }
    await symlink(file, join(path, tool))
  }
  if (process.getuid?.() === 0) await chown(place, NOBODY, NOBODY)
  const node = ['--input-type=module', '-e', script]
  const options = { cwd: place, env: { PATH: path } }
  const run = promisify(execFile)(process.execPath, node, options)
  return run.then(
    ({ stdout }) => JSON.parse(stdout) as Seen,
    (error: Error & { stderr: string }) => {
      const [reason] = unreachable.exec(error.stderr) ?? []
      if (reason === undefined) throw error
      return { hindrance: `apt-get can't download it: ${reason}` }
    }
  )
}
