import { canUnpack } from './debian.ts'
import { provideProgram } from './debian-program.ts'
import { findOnPath } from './find-on-path.ts'

/** What findRedis tells, and where it unpacks. */
export interface FindRedisSettings {
  /** Gets a line before something is downloaded. */
  readonly log?: (line: string) => void
  /** By default the project's own. */
  readonly cache?: string
}

/** The redis-server or valkey-server of the PATH; on Debian and Ubuntu also one from the project's own cache. */
export async function findRedis(settings: FindRedisSettings = {}): Promise<string> {
  const { log = () => {}, cache } = settings
  const found = await findOnPath(['redis-server', 'valkey-server'])
  if (found !== undefined) return found
  if (!(await canUnpack())) throw new Error(whatToInstall)
  return provideProgram({
    program: 'redis-server',
    packages: { names: ['redis-server', 'redis-tools'] },
    ...(cache === undefined ? {} : { cache }),
    beforeDownload: () =>
      log('no redis-server on the PATH: downloading one into node_modules/.cache, with apt-get')
  }).catch((cause: Error) => {
    const message = `the packages of redis-server can not be downloaded: ${cause.message}`
    throw new Error(`${message}\n${whatToInstall}`, { cause })
  })
}

const whatToInstall = [
  'There is no Redis: REDIS_URL is not set, and neither redis-server nor valkey-server is on the',
  'PATH. Set REDIS_URL, or install one:',
  '  Debian, Ubuntu   sudo apt-get install redis-server',
  '  Fedora           sudo dnf install valkey',
  '  Alpine           sudo apk add valkey',
  '  Arch             sudo pacman -S valkey',
  '  macOS            brew install redis',
  '  Docker           docker run --rm -p 6379:6379 redis   and REDIS_URL=redis://127.0.0.1:6379'
].join('\n')
