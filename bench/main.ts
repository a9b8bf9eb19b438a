import { compareRates } from './rates.ts'
import { compareTimes } from './timing.ts'

await (process.argv[2] === 'timing' ? compareTimes() : compareRates())
