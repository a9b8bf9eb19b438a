import type { Fault } from './fault.ts'
import { bodyFaults } from './bodies.ts'
import { clockFaults } from './clock.ts'
import { clusterFaults } from './cluster.ts'
import { crashPointFaults } from './crash-points.ts'
import { deafFaults } from './deaf.ts'
import { diskFaults } from './disk.ts'
import { killFaults } from './kills.ts'
import { memoryFaults } from './memory.ts'
import { modelFaults } from './model.ts'
import { networkFaults } from './network.ts'
import { powerFaults } from './power.ts'
import { queueFaults } from './queues.ts'
import { raceFaults } from './races.ts'
import { redisFaults } from './redis.ts'
import { releaseFaults } from './release.ts'
import { sentinelFaults } from './sentinel.ts'
import { spoolFaults } from './spool.ts'

/** Every fault of the suite, in the order of its table. */
export const faults: readonly Fault[] = [
  ...killFaults,
  ...queueFaults,
  ...releaseFaults,
  ...raceFaults,
  ...networkFaults,
  ...redisFaults,
  ...deafFaults,
  ...powerFaults,
  ...memoryFaults,
  ...bodyFaults,
  ...diskFaults,
  ...clockFaults,
  ...clusterFaults,
  ...sentinelFaults,
  ...spoolFaults,
  ...crashPointFaults,
  ...modelFaults
]
