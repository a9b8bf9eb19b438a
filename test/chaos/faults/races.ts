import type { Fault } from './fault.ts'
import { callbackRaces } from './races-callback.ts'
import { cancelRaces } from './races-cancel.ts'
import { operatorRaces } from './races-operator.ts'

/** Whatever happens at the same moment; each race is run for hundreds of rounds, side by side. */
export const raceFaults: readonly Fault[] = [...callbackRaces, ...operatorRaces, ...cancelRaces]
