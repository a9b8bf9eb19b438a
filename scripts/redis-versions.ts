import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { Packages } from '../simulator/debian.ts'
import { provideProgram } from '../simulator/debian-program.ts'

const execute = promisify(execFile)

/** A server that the tests are run with, out of a release of Debian. */
export interface Version {
  readonly what: string
  readonly program: 'redis-server' | 'valkey-server'
  readonly releases: NonNullable<Packages['releases']>
}

/** The oldest and the newest that Debian's releases have; bullseye's 6.0 is too old for BullMQ. */
export const VERSIONS: readonly Version[] = [
  { what: 'the oldest Redis', program: 'redis-server', releases: ['bookworm'] },
  { what: 'the newest Redis', program: 'redis-server', releases: ['sid'] },
  {
    what: 'the oldest Valkey',
    program: 'valkey-server',
    releases: ['bookworm-backports', 'bookworm']
  },
  { what: 'the newest Valkey', program: 'valkey-server', releases: ['sid'] }
]

/** A folder for the PATH with the server, and what that says of its version. */
export interface Provided {
  readonly folder: string
  readonly version: string
}

/** Unpacks it, with the libraries that it needs, where it is not there yet; rejects where it can't be had. */
export async function provide({ program, releases }: Version): Promise<Provided> {
  // Its libraries are newer or older than those of the machine, down to libc.
  const packages: Packages = { names: [program], releases, dependencies: 'all' }
  const path = await provideProgram({ program, packages })
  const { stdout } = await execute(path, ['--version'])
  return { folder: dirname(path), version: stdout.replace(/ sha=.*/s, '') }
}
