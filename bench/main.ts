import { measureMemory } from './memory.ts'
import { compareRates } from './rates.ts'
import { compareTimes } from './timing.ts'

const BENCHES = new Map([
  ['timing', compareTimes],
  ['memory', measureMemory]
])

await (BENCHES.get(process.argv[2] ?? '') ?? compareRates)()
