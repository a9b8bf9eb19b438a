import t from 'tap'
import { takeChance } from '../../helpers/chance.ts'
import { takeTime } from '../../helpers/patience.ts'
import { faults } from './faults.ts'
import { runFault } from './run-fault.ts'

// The short form of `npm run test:chaos -- --long`: a seed of JOURNEY_SEED does the same harm again.
const { seed } = takeChance()

const MOST_MS = 300_000

// They wait more than they work, and each has a world of its own.
t.jobs = 2
takeTime(t, 25)

for (const fault of faults.filter(({ isLong }) => isLong !== true)) {
  // By itself, so that one that hangs is told by its name.
  const hindrance = await fault.hindrance?.()
  const options = { buffered: true, timeout: MOST_MS, skip: hindrance ?? false }
  t.test(`${fault.name}, seed ${seed}`, options, async (t) => {
    const outcome = await runFault(fault, { seed, isShort: true })
    t.equal(outcome.type, 'held', JSON.stringify(outcome))
  })
}
