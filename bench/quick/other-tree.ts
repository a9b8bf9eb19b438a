import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildTree, ROOT, runFolder, say } from '../site/processes.ts'

/** Another commit of this repository, built by its own script in a folder of this run. */
export interface OtherTree {
  readonly root: string
  /** The commit in short. */
  readonly name: string
}

const run = promisify(execFile)

/** Checks the commit out and builds it. The folder goes when this process ends. */
export async function openTree(commit: string): Promise<OtherTree> {
  const root = join(runFolder, 'other-tree')
  const { stdout } = await git('rev-parse', '--short', `${commit}^{commit}`)
  await git('worktree', 'add', '--detach', root, stdout.trim())
  process.once('exit', () => {
    execFileSync('git', ['worktree', 'remove', '--force', root], { cwd: ROOT, stdio: 'ignore' })
  })
  const lockfile = (folder: string) => readFileSync(join(folder, 'package-lock.json'), 'utf8')
  if (lockfile(root) === lockfile(ROOT)) {
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  } else {
    say(`${stdout.trim()} has other packages: npm ci`)
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root })
  }
  await buildTree(root)
  return { root, name: stdout.trim() }
}

async function git(...args: string[]) {
  return run('git', args, { cwd: ROOT })
}
