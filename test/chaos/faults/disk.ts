import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pLimit from 'p-limit'
import { call, type Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { startWorld } from '../../helpers/world.ts'
import type { Fault, Figures, Run } from './fault.ts'
import { countWithheld } from './withheld-count.ts'
import {
  askWithheld,
  openPosting,
  type Posted,
  postUntilTaken,
  undelivered,
  type Withheld
} from './withheld.ts'

/** The disk that Redis appends to is full. */
export const diskFaults: readonly Fault[] = (['always', 'everysec'] as const).map(
  (appendfsync) => ({
    name: `disk full under the append-only file, appendfsync ${appendfsync}`,
    // One of the two is enough there.
    ...(appendfsync === 'always' ? { isLong: true as const } : {}),
    hindrance,
    run: (run) => fillTheDisk(run, appendfsync)
  })
)

const execute = promisify(execFile)
const PADDING_BYTES = 40_000
const SMALL = 'size=3m'
const LARGE = 'size=64m'

async function hindrance(): Promise<string | null> {
  if (process.platform !== 'linux') return 'a full disk is shown on Linux only'
  if (process.getuid?.() !== 0) return 'a full disk needs root, to mount a small file system'
  const folder = await mkdtemp(join(tmpdir(), 'khipu-disk-'))
  const isAllowed = await mount(folder).then(
    () => execute('umount', [folder]).then(() => true),
    () => false
  )
  await rm(folder, { recursive: true, force: true })
  return isAllowed ? null : 'a full disk needs a machine on which a tmpfs may be mounted'
}

function mount(folder: string) {
  return execute('mount', ['-t', 'tmpfs', '-o', SMALL, 'tmpfs', folder])
}

/** A small file system of its own, gone when the run is over or this process ends. */
async function mountSmall(run: Run): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-disk-'))
  await mount(folder)
  const unmount = () => void execFileSync('umount', ['--lazy', folder])
  process.once('exit', unmount)
  run.teardown(async () => {
    process.off('exit', unmount)
    unmount()
    await rm(folder, { recursive: true, force: true })
  })
  return folder
}

async function fillTheDisk(run: Run, appendfsync: string): Promise<Figures> {
  const parent = await mountSmall(run)
  const args = ['--appendfsync', appendfsync]
  const world = await startWorld(run, {
    ownRedis: true,
    redis: { parent, args },
    env: { SWEEP_INTERVAL: '2s' }
  })
  const service = await world.start()
  const members = await askWithheld(world, service, run.isShort ? 100 : 200)
  const { taken, refused } = await floodUntilFull(run, members)
  if (taken.length === members.length) throw new Error('the disk was never full')
  await until('readiness says 503', async () => (await readiness(service)) === 503)
  const hadEnded = world.redis.hasEnded()

  await execute('mount', ['-o', `remount,${LARGE}`, parent])
  // What a supervisor does; with `always`, a Redis that can't write what it has promised ends itself.
  if (world.redis.hasEnded()) await world.redis.restart()
  await service.ready()
  const undrained = await undelivered(service, taken)
  await postUntilTaken(openPosting(run), members)
  const figures = await countWithheld(world, service, members)
  const slowest = Math.max(...refused.map(({ ms }) => ms))
  return {
    ...figures,
    kills: 1,
    lost: figures.lost + undrained.length,
    remark:
      `${taken.length} callbacks were taken until the disk was full, ${undrained.length} of them lost; ` +
      `${refused.length} × 503, the slowest after ${slowest} ms; Redis ${hadEnded ? 'ended itself' : 'ran on'}`
  }
}

async function floodUntilFull(run: Run, members: readonly Withheld[]) {
  const post = openPosting(run)
  const limit = pLimit(5)
  const taken: Withheld[] = []
  const refused: Posted[] = []
  await Promise.all(
    members.map((member) =>
      limit(async () => {
        if (refused.length >= 10) return
        const answer = await post(member.callbackUrl, PADDING_BYTES)
        if (answer.status === 200) taken.push(member)
        else refused.push(answer)
      })
    )
  )
  const strange = refused.find(({ status, retryAfter }) => status !== 503 || retryAfter === null)
  if (strange !== undefined) throw new Error(`a callback was answered ${JSON.stringify(strange)}`)
  return { taken, refused }
}

async function readiness({ adminUrl }: Service): Promise<number> {
  return (await call(`${adminUrl}/health/ready`)).status
}
