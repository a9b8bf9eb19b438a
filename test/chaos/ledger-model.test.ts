import { randomBytes, randomInt } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { STRICT } from '../helpers/rules.ts'
import { takeTime } from '../helpers/patience.ts'
import { redisUrl } from '../helpers/service.ts'
import { stories } from './ledger-model/happening.ts'
import { tell } from './ledger-model/run.ts'
import { openSite } from './ledger-model/site.ts'

takeTime(t)
const seed = Number(process.env['JOURNEY_SEED'] ?? randomInt(1_000_000))
const numRuns = Number(process.env['MODEL_RUNS'] ?? 20)

t.test(`whatever happens, the real ledger keeps its promises, seed ${seed}`, async (t) => {
  const site = await openSite(redisUrl(), `test-${randomBytes(6).toString('hex')}`, STRICT.policy)
  t.teardown(() => site.close())
  const keepsItsPromises = fc.asyncProperty(stories(40), async (story) => {
    await tell(site, STRICT, story)
  })
  await t.resolves(fc.assert(keepsItsPromises, { seed, numRuns }))
})
