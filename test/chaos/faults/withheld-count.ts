import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { resultJobs, type World } from '../../helpers/world.ts'
import type { Figures } from './fault.ts'
import { undelivered, type Withheld } from './withheld.ts'

/** Counts what became of requests all of whose callbacks were answered 200 in the end. */
export async function countWithheld(
  world: World,
  service: Service,
  members: readonly Withheld[]
): Promise<Figures> {
  const open = await undelivered(service, members)
  const jobs = await jobsOnceThereAre(world, members.length - open.length)
  const missing = members.filter(({ requestId }) => !jobs.includes(requestId))
  const { calls } = world.khipu
  return {
    requests: members.length,
    acknowledged: members.length,
    kills: 0,
    results: jobs.length,
    lost: missing.length,
    doubled: jobs.length - (members.length - missing.length),
    stuck: open.length,
    extraSends: calls.length - new Set(calls.map(({ account }) => account)).size
  }
}

/** The ids of the result jobs, once there are so many of them; after ten seconds as many as there are. */
export async function jobsOnceThereAre(world: World, enough: number): Promise<readonly string[]> {
  const isEnough = async () => (await resultJobs(world)).length >= enough
  // Too few of them is a figure, not a reason to stop.
  await until('the results are there', isEnough, 10_000).catch(() => {})
  return (await resultJobs(world)).map(({ id = '' }) => id)
}
