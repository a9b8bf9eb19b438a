import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { startRedis } from '../../../simulator/private-redis.ts'
import { STRICT } from '../../helpers/rules.ts'
import { stories } from './happening.ts'
import { tell, type Told } from './run.ts'
import { openSite } from './site.ts'

// The model on a Redis of its own, and in a process of its own, for it moves the clock of both. Its last line
// is what the runs came to, in JSON.
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '100' },
    path: { type: 'string', default: '' },
    // The first failure as it is, without looking for a smaller one.
    quick: { type: 'boolean', default: false }
  }
})
const redis = await startRedis({ url: null })
const site = await openSite(redis.url, `model-${randomBytes(6).toString('hex')}`, STRICT.policy)
await site.redis.config('SET', 'appendonly', 'no')
const all: Told[] = []
const keepsItsPromises = fc.asyncProperty(stories(40), async (story) => {
  all.push(await tell(site, STRICT, story))
})
try {
  const { seed, runs, path, quick } = values
  await fc.assert(keepsItsPromises, {
    seed: Number(seed),
    numRuns: Number(runs),
    path,
    endOnFailure: quick
  })
  console.log(JSON.stringify({ runs: all.length, ...sumOf(all) }))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  if (error instanceof Error && error.cause instanceof Error) console.error(error.cause.stack)
  process.exitCode = 1
} finally {
  await site.close()
  await redis.stop()
}

function sumOf(all: readonly Told[]) {
  const sum = (of: (told: Told) => number) => all.reduce((total, told) => total + of(told), 0)
  return {
    steps: sum(({ steps }) => steps),
    requests: sum(({ requests }) => requests),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    harm: sum(({ harm }) => harm),
    results: sum(({ results }) => results),
    late: sum(({ late }) => late),
    posts: sum(({ posts }) => posts),
    met: [...new Set(all.flatMap(({ met }) => [...met]))]
  }
}
