import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { provideProgram } from '../../simulator/debian-program.ts'
import { findOnPath } from '../../simulator/find-on-path.ts'

const execute = promisify(execFile)
/** Debian has some programs in folders that are on the PATH of root alone. */
const SYSTEM_PATH = '/usr/sbin:/usr/bin'

/** A program of the machine, or out of Debian's package of that name; or why there is none, in one line. */
export type Found = { readonly path: string } | { readonly hindrance: string }

/**
 * Finds a program; where it is not there, its package is unpacked into node_modules/.cache. By default the package has
 * the name of the program.
 */
export async function findProgram(
  name: string,
  versionArgument: string,
  fromPackage = name
): Promise<Found> {
  if (process.platform !== 'linux') return { hindrance: `${name} is tried on Linux only` }
  const path =
    (await findOnPath([name], `${process.env['PATH']}:${SYSTEM_PATH}`)) ??
    (await provideProgram({ program: name, packages: { names: [fromPackage] } }).catch(
      () => undefined
    ))
  if (path === undefined) {
    return { hindrance: `there is no ${name}, and apt-get can't download Debian's` }
  }
  return execute(path, [versionArgument]).then(
    () => ({ path }),
    () => ({ hindrance: `the ${name} that is here does not run` })
  )
}
