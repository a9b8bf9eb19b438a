import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** The first program with one of these names, in the order of the folders; undefined where there is none. */
export async function findOnPath(
  names: readonly string[],
  path = process.env['PATH'] ?? ''
): Promise<string | undefined> {
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  for (const file of folders.flatMap((folder) => names.map((name) => join(folder, name)))) {
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false
    )
    if (isThere) return file
  }
  return undefined
}
