import { globSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** The folder of the starters, in the one of the unpacked packages. */
export const STARTERS = 'khipu-bin'

/** Writes a shell script for each program of these names, which runs it with the libraries unpacked beside it. */
export async function writeStarters(root: string, names: string): Promise<void> {
  const libraries = globSync('{usr/,}lib/*-linux-gnu*', { cwd: root })
  const path = libraries.map((folder) => `$root/${folder}`).join(':')
  // With a libc of its own, a program needs the loader of that libc.
  const [loader] = globSync('{usr/,}lib/*-linux-gnu*/ld-linux-*.so.*', { cwd: root })
  const command = loader === undefined ? '' : `"$root/${loader}" --library-path "${path}" `
  await mkdir(join(root, STARTERS))
  for (const program of globSync(`{usr/,}{s,}bin/${names}`, { cwd: root })) {
    const lines = [
      '#!/bin/sh',
      'root=$(PATH=/usr/bin:/bin; dirname "$(dirname "$(readlink -f "$0")")")',
      ...(loader === undefined && path !== '' ? [`export LD_LIBRARY_PATH="${path}"`] : []),
      `exec ${command}"$root/${program}" "$@"`
    ]
    const starter = join(root, STARTERS, basename(program))
    await writeFile(starter, `${lines.join('\n')}\n`, { mode: 0o755 })
  }
}
