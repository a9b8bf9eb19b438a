import t from 'tap'
import { takeChance } from '../../helpers/chance.ts'
import { takeTime } from '../../helpers/patience.ts'
import { faults } from './faults.ts'
import { runFault } from './run-fault.ts'

// The short form of `npm run test:faults`: a seed of JOURNEY_SEED does the same harm again.
const { seed } = takeChance()

// They wait more than they work, and each has a world of its own.
t.jobs = 2
takeTime(t)

for (const fault of faults.filter(({ isLong }) => isLong !== true)) {
  t.test(`${fault.name}, seed ${seed}`, { buffered: true }, async (t) => {
    const outcome = await runFault(fault, { seed, isShort: true })
    if (outcome.type === 'skipped') t.pass(`skipped: ${outcome.why}`)
    else t.match(outcome, { type: 'held' })
  })
}
