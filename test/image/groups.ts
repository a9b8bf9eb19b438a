import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The kernel keeps the groups of processes that have gone; there is one tree, or one for each controller. */
export async function removeGroups(group: string): Promise<void> {
  const root = '/sys/fs/cgroup'
  for (const parent of [root, ...(await readdir(root)).map((name) => join(root, name))]) {
    await removeTree(join(parent, group))
  }
}

async function removeTree(folder: string): Promise<void> {
  const names = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const one of names) if (one.isDirectory()) await removeTree(join(folder, one.name))
  await rmdir(folder).catch(() => {})
}
