import { type Generator, startGenerator } from '../load/run-generator.ts'
import { type Rated, ratePerSecond } from '../parts/through-rounds.ts'
import { createProgress, type Progress } from '../report/progress.ts'
import type { Results } from '../report/results.ts'
import { type Candidate, measure, type Measured } from '../site/measure.ts'
import { buildTree, ROOT, say } from '../site/processes.ts'
import { startService } from '../site/service.ts'
import { openSite } from '../site/site.ts'
import { startStore, type Store } from '../site/store.ts'
import { createByApi } from './create-by-api.ts'
import { openTree } from './other-tree.ts'
import { type PerTree, treeTable } from './tree-results.ts'

/** A tree under comparison. */
interface Tree {
  readonly name: string
  readonly root: string
  /** Both trees work in one Redis. */
  readonly prefix: string
}

interface CompareDeps {
  readonly store: Store
  readonly generator: Generator
  readonly progress: Progress
  readonly rounds: number
  readonly seconds: number
}

/** Many first: they let both trees compile their code before single calls are timed. */
const IN_FLIGHT = [50, 1]
/** Requests are created by the API, which takes longer than their callbacks. */
const MOST_RATE = 2_500
const REQUESTS = 300
const SECONDS = { intake: 20, through: 15 }

/** This tree and another commit, side by side, in about a minute. */
export async function compareTrees(
  commit: string,
  { rounds, seconds }: Pick<CompareDeps, 'rounds' | 'seconds'>
): Promise<Results> {
  say(`building this tree and ${commit}`)
  await buildTree(ROOT)
  const other = await openTree(commit)
  const trees = [
    { name: 'this tree', root: ROOT, prefix: 'this' },
    { ...other, prefix: 'other' }
  ] as const
  const store = await startStore()
  await store.setFsync('everysec')
  const generator = startGenerator()
  const progress = createProgress(SECONDS.intake * IN_FLIGHT.length + SECONDS.through)
  const deps = { store, generator, progress, rounds, seconds }
  const intake = await compareIntakeOf(deps, trees)
  const through = await compareThroughOf(deps, trees)
  await generator.stop()
  await store.stop()
  return { goals: [], tables: [treeTable(other.name, intake, through)] }
}

async function compareIntakeOf(deps: CompareDeps, trees: readonly [Tree, Tree]) {
  const { store, progress, rounds, seconds } = deps
  const services = await Promise.all(
    trees.map(({ root, prefix }) =>
      startService({
        ...{ role: 'server', redisUrl: store.redis.url, root },
        more: { QUEUE_PREFIX: prefix }
      })
    )
  )
  await store.keepBase()
  const candidates = services.map((service, index): Candidate => {
    const prepare = async (count: number) => createByApi(service, count)
    return { ...service, name: trees[index]?.name ?? '', stores: true, prepare }
  })
  const found = new Map<number, PerTree<Measured>>()
  for (const inFlight of IN_FLIGHT) {
    progress.step(`intake: 1 KB, ${inFlight} in flight`, SECONDS.intake)
    const warm = async (candidate: Candidate) =>
      measure(deps, candidate, { bytes: 1_000, inFlight, seconds, guess: 1_000 })
    const rates = [await warmRate(candidates[0], warm), await warmRate(candidates[1], warm)]
    const guess = Math.min(MOST_RATE, Math.max(...rates))
    const load = { bytes: 1_000, inFlight, seconds, guess }
    found.set(inFlight, await inTurn(candidates, rounds, async (one) => measure(deps, one, load)))
  }
  await Promise.all(services.map((service) => service.stop()))
  // The workers, which start next, must find nothing to do.
  await store.reset()
  return found
}

async function warmRate(
  candidate: Candidate | undefined,
  warm: (candidate: Candidate) => Promise<Measured>
): Promise<number> {
  return candidate === undefined ? 0 : (await warm(candidate)).rate
}

async function compareThroughOf(
  deps: CompareDeps,
  trees: readonly [Tree, Tree]
): Promise<PerTree<Rated>> {
  const { store, generator, progress, rounds } = deps
  progress.step('through', SECONDS.through)
  const redisUrl = store.redis.url
  const sites = await Promise.all(
    trees.map(({ root, prefix }) => openSite({ redisUrl, root, prefix }))
  )
  await store.keepBase()
  const rate = async (site: (typeof sites)[number], count = REQUESTS) =>
    ratePerSecond({ store, generator, site }, count)
  for (const site of sites) await rate(site, REQUESTS / 2)
  const found = await inTurn(sites, rounds, async (site) => rate(site))
  await Promise.all(sites.map((site) => site.stop()))
  return found
}

/** Measures both in every round. Each round begins with the other one. */
async function inTurn<Subject, One>(
  subjects: readonly Subject[],
  rounds: number,
  task: (subject: Subject) => Promise<One>
): Promise<PerTree<One>> {
  const found: PerTree<One> = [[], []]
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0]
    for (const index of order) {
      const subject = subjects[index]
      if (subject !== undefined) found[index === 0 ? 0 : 1].push(await task(subject))
    }
  }
  return found
}
