import type { Member } from '../../helpers/crowd.ts'
import type { Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import { resultJobs, sumOf, view, type World } from '../../helpers/world.ts'

/**
 * Throws where a request has ended otherwise than its scenario says, or its result says something else, or
 * the ledger has something left to do: for faults under which all that must be as if nothing had happened.
 */
export async function checkRest(
  world: World,
  service: Service,
  members: readonly Member[]
): Promise<void> {
  await until('every result is there', async () => {
    return (await resultJobs(world)).length >= members.length
  })
  const jobs = new Map((await resultJobs(world)).map((job) => [job.id ?? '', job]))
  for (const member of members) {
    const { scenario, account, requestId } = member
    const end = scenario.afterRelease ?? scenario.ends
    const seen = await view(service, requestId)
    const job = jobs.get(requestId)
    const endings = seen.history.filter(({ event }) => event === end.state).length
    const isRight =
      seen.state === end.state &&
      seen.reason === (end.state === 'delivered' ? null : end.reason) &&
      seen.reference === account &&
      seen.dueAt === null &&
      endings === 1 &&
      job?.name === job?.data.outcome &&
      job?.data.attempts === seen.attempts
    if (!isRight)
      throw new Error(`not as ${scenario.name} ends: ${JSON.stringify([seen, job?.data])}`)
  }
  await checkNothingIsLeft(world, service, members.length)
}

async function checkNothingIsLeft(world: World, service: Service, count: number): Promise<void> {
  const tag = `{${world.env['QUEUE_PREFIX']}:0}`
  await until('nothing is due, and nothing unread', async () => {
    const left = ['due', 'received'].map((name) => world.client.zcard(`${tag}:${name}`))
    return (await Promise.all(left)).every((size) => size === 0)
  })
  const [accepted, ended, live] = await Promise.all(
    ['accepted', 'ended', 'live'].map((what) => sumOf(service, `khipu_requests_${what}`))
  )
  if (accepted !== count || ended !== count || live !== 0) {
    throw new Error(`${accepted} accepted, ${ended} ended, ${live} live of ${count}`)
  }
}
