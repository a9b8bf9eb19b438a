import type { Fault } from './fault.ts'
import { killFaults } from './kills.ts'

/** Every fault of the suite, in the order of its table. */
export const faults: readonly Fault[] = [...killFaults]
