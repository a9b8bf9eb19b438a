import type { QueueName } from '../../../src/queue/queues.ts'
import type { Rules } from '../../helpers/rules.ts'
import type { Body, Said, Story } from './happening.ts'
import { inspect, inspectEnd, jobsWanted, must } from './inspect.ts'
import { look, type Sight } from './sight.ts'
import { QUEUES, type Site } from './site.ts'
import { World } from './world.ts'

/** What a run came to. */
export interface Told {
  readonly steps: number
  readonly requests: number
  readonly acknowledged: number
  /** Crashes, lost replies, lost queues, and clocks that differed. */
  readonly harm: number
  /** One per request. */
  readonly results: number
  /** Those that an operator let through besides. */
  readonly late: number
  readonly posts: number
  /** The states and reasons that were met. */
  readonly met: ReadonlySet<string>
}

/** How long the sweep lets something be overdue, and a little more. */
const GRACE_MS = 5_001
/** A job is as much too late as its handler took from its load on, here some POSTs of others. */
const LATE_MS = 50
const MOST_STEPS = 500
const LETTING_GO = { type: 'notify', filter: { service: null, code: null, reason: null } } as const

/** Lets a story happen, and then what must happen by itself; throws what promise was broken. */
export async function tell(site: Site, rules: Rules, story: Story): Promise<Told> {
  await site.clear()
  const world = new World(site)
  try {
    return await new Telling(world, site, rules, story).tell()
  } finally {
    await world.close()
  }
}

class Telling {
  #steps = 0
  #released = 0
  readonly #met = new Set<string>()
  readonly #world: World
  readonly #site: Site
  readonly #rules: Rules
  readonly #story: Story

  constructor(world: World, site: Site, rules: Rules, story: Story) {
    this.#world = world
    this.#site = site
    this.#rules = rules
    this.#story = story
  }

  async tell(): Promise<Told> {
    const world = this.#world
    for (const { what, interruption, random } of this.#story.events) {
      world.random = random
      await world.happen(what, interruption)
      await this.#inspect()
    }
    await this.#calmDown()
    const sight = await this.#drain()
    inspectEnd(sight, world.journal)
    const late = sight.results.filter(({ id }) => id.endsWith('-late')).length
    return {
      steps: this.#steps,
      requests: sight.all.length,
      acknowledged: world.journal.acknowledged.length,
      harm: world.journal.crashes + world.journal.unrest,
      results: sight.results.length - late,
      late,
      posts: world.journal.posts.length,
      met: this.#met
    }
  }

  async #inspect(): Promise<Sight> {
    this.#steps += 1
    const sight = await look(this.#site)
    inspect(sight, this.#world.journal, this.#rules)
    for (const { record } of sight.requests.values()) {
      this.#met.add(record.state).add(String(record.reason))
    }
    if (this.#isUndisturbed()) await this.#inspectJobs(sight)
    return sight
  }

  /** Nothing has gone wrong so far that only the sweep can heal. */
  #isUndisturbed(): boolean {
    const { crashes, unrest } = this.#world.journal
    return crashes === 0 && unrest === 0
  }

  /** Every job that a state asks for is in its queue. A deadline gets one once it was found to have passed. */
  async #inspectJobs(sight: Sight): Promise<void> {
    const { redis, tag } = this.#site
    for (const { queue, jobId } of jobsWanted(sight)) {
      if (queue === 'deadline') continue
      const isThere = (await redis.exists(`${tag}:${queue}:${jobId}`)) === 1
      must(isThere, `the job ${jobId} must exist`)
    }
  }

  /** Whoever had no answer asks again; the clocks agree; the dead are found, and the forgotten. */
  async #calmDown(): Promise<void> {
    const world = this.#world
    while (world.journal.unanswered.length > 0) {
      await world.happen({ type: 'ask', account: 0, logon: 0, isElsewhere: false })
    }
    this.#site.clock.skew(0)
    await this.#site.takeOver()
    if (!this.#isUndisturbed()) await this.#sweep()
  }

  /** After a sweep nothing is unread or without its job that was so for longer than the sweep lets be. */
  async #sweep(): Promise<void> {
    await this.#world.happen({ type: 'time', ms: GRACE_MS })
    await this.#world.happen({ type: 'sweep' })
    const sight = await this.#inspect()
    const { redis, tag } = this.#site
    const before = sight.now - GRACE_MS
    for (const { pending } of sight.requests.values()) {
      must(
        [...pending.values()].every((at) => at > before),
        'the sweep must see what is unread'
      )
    }
    for (const { queue, jobId, at } of jobsWanted(sight)) {
      if (at > before) continue
      const isThere = (await redis.exists(`${tag}:${queue}:${jobId}`)) === 1
      const sleeps = (await redis.zscore(`${tag}:${queue}:delayed`, jobId)) !== null
      must(isThere && !sleeps, `the sweep must promote the job ${jobId}`)
    }
  }

  /** Time passes and jobs are run until nothing moves any more. */
  async #drain(): Promise<Sight> {
    while (this.#steps < MOST_STEPS) {
      for (const queue of QUEUES) await this.#runAll(queue)
      const sight = await this.#inspect()
      const isOver = [...sight.requests.values()].every(({ record, pending }) => {
        return record.publishedAt !== null && pending.size === 0
      })
      if (isOver) return sight
      if (await this.#letGo(sight)) continue
      await this.#world.happen({ type: 'due', lateMs: LATE_MS })
      if (!this.#isUndisturbed()) await this.#sweep()
    }
    throw new Error('it does not come to an end')
  }

  async #runAll(queue: QueueName): Promise<void> {
    const { tag, redis } = this.#site
    for (let count = 0; count < MOST_STEPS; count += 1) {
      const { said, body } = ENDINGS[this.#story.ending]
      const posts = this.#world.journal.posts.length
      await this.#world.happen({ type: 'run', queue, said, meanwhile: [] })
      if (this.#world.journal.posts.length > posts && body !== null) {
        await this.#world.happen({ type: 'callback', pick: posts, body })
      }
      const [waiting, next] = await Promise.all([
        redis.llen(`${tag}:${queue}:wait`),
        redis.zrange(`${tag}:${queue}:delayed`, '0', '0', 'WITHSCORES')
      ])
      const isNextDue = next[1] !== undefined && Number(next[1]) / 0x1000 <= this.#site.clock.now
      if (waiting === 0 && !isNextDue) return
    }
    throw new Error(`the queue ${queue} does not run dry`)
  }

  async #letGo({ requests }: Sight): Promise<boolean> {
    const isAnyParked = [...requests.values()].some(({ state }) => state === 'parked')
    if (!this.#story.isReleased || !isAnyParked || this.#released >= 3) return false
    this.#released += 1
    await this.#world.happen(LETTING_GO)
    return true
  }
}

/** How Khipu answers in the end, and what it calls back. */
const ENDINGS: Readonly<Record<Story['ending'], { said: Said; body: Body | null }>> = {
  silent: { said: { type: 'acknowledged' }, body: null },
  good: { said: { type: 'acknowledged' }, body: { kind: 'good', variant: 9 } },
  '503': { said: { type: '503' }, body: null },
  '401': { said: { type: '401' }, body: null }
}
