import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Env } from '../../helpers/service-process.ts'
import { unpackPackages } from '../../../simulator/debian.ts'
import { CACHE } from '../../../simulator/debian-program.ts'

const FOLDER = join(CACHE, 'libfaketime')
const UNPACKED = join(FOLDER, 'usr', 'lib')
/** The one for processes with threads. */
const LIBRARY = 'libfaketimeMT.so.1'

/** Why no process can be given a clock of its own here, in one line; null where one can. */
export async function clockHindrance(): Promise<string | null> {
  if (process.platform !== 'linux') return 'a clock that goes wrong is shown on Linux only'
  return findLibrary().then(
    () => null,
    () => "a clock that goes wrong needs Debian's libfaketime, or apt-get to download it"
  )
}

/** The variables with which a process is `+1h` or `-1h` away from the time; its timers run as ever. */
export async function clockOff(offset: `${'+' | '-'}${number}h`): Promise<Env> {
  return {
    LD_PRELOAD: await findLibrary(),
    FAKETIME: offset,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_NO_CACHE: '1'
  }
}

let found: Promise<string> | undefined

function findLibrary(): Promise<string> {
  found ??= lookIn('/usr/lib')
    .catch(() => lookIn(UNPACKED))
    .catch(async () => {
      await unpackPackages({ names: ['libfaketime'] }, FOLDER)
      return lookIn(UNPACKED)
    })
  return found
}

// In a folder of the machine's kind, such as x86_64-linux-gnu.
async function lookIn(folder: string): Promise<string> {
  for (const kind of await readdir(folder)) {
    const library = join(folder, kind, 'faketime', LIBRARY)
    const isThere = await access(library).then(
      () => true,
      () => false
    )
    if (isThere) return library
  }
  throw new Error(`no ${LIBRARY} in ${folder}`)
}
