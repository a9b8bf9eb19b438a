import { isDeepStrictEqual } from 'node:util'
import type { Answer } from '../../../src/core/answer.ts'
import { cancel, retryNow } from '../../../src/core/transitions/on-operator.ts'
import { credentialsOf, type Request } from '../../../src/core/request.ts'
import { isUsedUp } from '../../../src/core/send-limits.ts'
import type { KhipuRequest } from '../../../src/khipu/client.ts'
import type { Entry } from '../../../src/ledger/load.ts'
import { LEASE_MS } from '../../../src/ledger/operations/operations.ts'
import type { QueueName } from '../../../src/queue/queues.ts'
import { enqueuePassed } from '../../../src/worker/watch-deadlines.ts'
import { OperatorError } from '../../../src/operator/problem.ts'
import { ensure } from '../../helpers/life.ts'
import { ask, callBack, giveAuthorization, judge, operate } from './acts.ts'
import { answerOf } from './answers.ts'
import type { Happening, Interruption, Said } from './happening.ts'
import { Journal, type Post } from './journal.ts'
import { type Process, QUEUES, type Site, type Taken } from './site.ts'
import {
  carryOnAll,
  handleCallback,
  handleDeadline,
  handleSend,
  releaseByOperator,
  sweep
} from '../../helpers/handlers.ts'

const HANDLERS = {
  send: handleSend,
  paced: handleSend,
  callback: handleCallback,
  deadline: handleDeadline
}

/** What happens to the service in one run: who does what, at which of the others' commands, and who dies of it. */
export class World {
  readonly journal = new Journal()
  /** Chance, as the handlers are told of it. */
  random = 0
  readonly site: Site
  #nth = 0
  #processes = new Map<number, Process>()
  /** What the next POST of each process comes to, and since when its handler runs. */
  #posting: { said: Said; meanwhile: readonly Happening[]; since: number }[] = []
  #inHand: Taken | null = null
  #isInterruptedAfter = false
  readonly #commands = new Map<string, number>()

  constructor(site: Site) {
    this.site = site
  }

  /** Does it, and has it interrupted; returns once the process is done with it, or dead. */
  async happen(what: Happening, interruption: Interruption | null = null): Promise<void> {
    await this.#do(what, 0, interruption)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((each) => each.close()))
  }

  async #do(what: Happening, depth: number, interruption: Interruption | null): Promise<void> {
    this.#nth += 1
    if (depth > 0 && (what.type === 'time' || what.type === 'due')) this.journal.heldUp += 1
    if (await this.#isOfTheSite(what)) return
    const process = await this.#process(depth)
    if (interruption !== null && isUnrest(interruption)) this.journal.unrest += 1
    if (depth === 0) this.#isInterruptedAfter = interruption?.how === 'after'
    process.gate.arm(
      interruption && {
        how: interruption.how,
        at:
          interruption.at === 'commit'
            ? 'mark'
            : 1 + (interruption.at % (this.#commands.get(what.type) ?? 8)),
        meanwhile: () => this.#doAll(interruption.by, depth + 1)
      }
    )
    const done = this.#act(process, what, depth).catch((error: unknown) => {
      // What an operator is told is no fault.
      if (!(error instanceof OperatorError)) throw error
    })
    await Promise.race([done, process.gate.died])
    const commands = process.gate.arm(null)
    // So many there will be the next time, more or less.
    if (commands > 1) this.#commands.set(what.type, commands)
    if (!process.gate.isDead) return
    this.journal.crashes += 1
    await process.gate.died
    await process.close()
    this.#processes.delete(depth)
  }

  async #doAll(all: readonly Happening[], depth: number): Promise<void> {
    for (const what of all) await this.#do(what, depth, null)
  }

  /** What happens to Redis, its clock and its queues; false for what a process does. */
  async #isOfTheSite(what: Happening): Promise<boolean> {
    const { clock, redis, tag } = this.site
    switch (what.type) {
      case 'time':
        await clock.pass(what.ms)
        return true
      case 'due':
        await this.#passUntilDue(what.lateMs)
        return true
      case 'skew':
        this.journal.unrest += 1
        clock.skew(what.ms)
        return true
      case 'take-over':
        await this.site.takeOver()
        return true
      case 'lose':
        this.journal.unrest += 1
        for (const queue of what.queues) {
          const keys = await redis.keys(`${tag}:${queue}:*`)
          if (keys.length > 0) await redis.unlink(keys)
        }
        return true
      default:
        return false
    }
  }

  async #passUntilDue(lateMs: number): Promise<void> {
    const { clock, redis, tag } = this.site
    const [, next] = await redis.zrange(
      `${tag}:due`,
      `(${clock.now}`,
      '+inf',
      'BYSCORE',
      'LIMIT',
      0,
      1,
      'WITHSCORES'
    )
    if (next !== undefined) await clock.pass(Math.max(0, Number(next) + lateMs - clock.now))
  }

  async #process(depth: number): Promise<Process> {
    const known = this.#processes.get(depth)
    if (known !== undefined) return known
    const process: Process = await this.site.start(
      (request) => this.#post(process, request, depth),
      () => this.random
    )
    const { ledger } = process.deps
    const noted: Process = {
      ...process,
      deps: {
        ...process.deps,
        ledger: {
          ...ledger,
          receive: async (requestId, received, body) => {
            const answer = await ledger.receive(requestId, received, body)
            this.#note(requestId, received.id, received.outcome.type === 'result')
            return answer
          },
          commit: async (entry, change) => {
            process.gate.mark()
            const committed = await ledger.commit(entry, change)
            if (committed.done) await this.#inspectCommit(entry, change.request)
            return committed
          }
        }
      }
    }
    this.#processes.set(depth, noted)
    return noted
  }

  /** What is begun is begun knowing of the latest refusal of its log-on. */
  async #inspectCommit(entry: Entry, request: Request): Promise<void> {
    const isBegun = request.attempts.length > entry.request.attempts.length
    // What it acted on at the same time may have changed that, or what came right after it.
    if (!isBegun || entry.pending.length > 0 || this.#isInterruptedAfter) return
    const refused = await this.site.redis.get(`${this.site.tag}:refused:${credentialsOf(request)}`)
    const isKnown = isDeepStrictEqual(JSON.parse(refused ?? 'null'), entry.refused)
    ensure(isKnown, 'it was sent though its log-on had just been refused')
  }

  #note(requestId: string, id: string, isGood: boolean): void {
    const key = `${requestId}/${id}`
    if (!this.journal.stored.has(key))
      this.journal.stored.set(key, { id, requestId, isGood, nth: (this.#nth += 1) })
  }

  async #act(process: Process, what: Happening, depth: number): Promise<void> {
    const { deps } = process
    switch (what.type) {
      case 'ask':
        return ask(process, this.journal, what)
      case 'run':
        return this.#run(process, what, depth)
      case 'twin':
        return this.#twin(process, depth)
      case 'callback':
        return callBack(process, this.journal, what)
      case 'notify': {
        const releasing = await deps.notifications.record({ ...what.filter, requestIds: null })
        return void (await releaseByOperator(deps, releasing, () => this.#awaitLease(depth)))
      }
      case 'cancel':
        return operate(process, await this.#pick('requests', what.pick), (request, { now }) =>
          cancel(request, 'ann', now)
        )
      case 'retry':
        return operate(
          process,
          await this.#pick('requests', what.pick),
          (request, { now, policy }) =>
            isUsedUp(request, policy) ? request : retryNow(request, 'ann', now)
        )
      case 'authorize':
        return giveAuthorization(process, await this.#pick('requests', what.pick), what.logon)
      case 'accept':
      case 'discard': {
        const id = await this.#pick('quarantine', what.pick)
        return judge(process, this.journal, what.type, id)
      }
      case 'sweep':
        await sweep(deps)
        return carryOnAll(deps)
      default:
        throw new Error(`${what.type} is not for a process`)
    }
  }

  /** The reply to a claim was lost: nobody carries the operation on before the lease has expired. */
  async #awaitLease(depth: number): Promise<void> {
    await this.#do({ type: 'time', ms: LEASE_MS }, depth, null)
  }

  async #run(
    process: Process,
    { queue, said, meanwhile }: Extract<Happening, { type: 'run' }>,
    depth: number
  ): Promise<void> {
    if (queue === 'deadline') await enqueuePassed(process.deps, 0)
    const taken = await this.#take(queue)
    if (taken === null) return
    if (depth === 0) this.#inHand = taken
    this.#posting[depth] = { said, meanwhile, since: this.#nth }
    const handled = await HANDLERS[taken.queue](process.deps, taken.job.data)
    await this.site.finish(taken, handled)
  }

  async #take(preferred: QueueName): Promise<Taken | null> {
    for (const queue of [preferred, ...QUEUES]) {
      const taken = await this.site.take(queue)
      if (taken !== null) return taken
    }
    return null
  }

  async #twin(process: Process, depth: number): Promise<void> {
    if (this.#inHand === null) return
    const { queue, job } = this.#inHand
    this.#posting[depth] = { said: { type: 'acknowledged' }, meanwhile: [], since: this.#nth }
    await HANDLERS[queue](process.deps, job.data)
  }

  async #post(process: Process, request: KhipuRequest, depth: number): Promise<Answer> {
    if (process.gate.isDead) return new Promise<never>(() => {})
    const capability = process.deps.capabilities.verify(request.callbackUrl)
    ensure(capability !== null, 'Khipu must get a capability')
    const posting = this.#posting[depth]
    ensure(posting !== undefined, 'nothing is sent but by a send job')
    const { said, meanwhile, since } = posting
    const post: Post = {
      ...capability,
      at: this.site.clock.now,
      said: said.type,
      answeredAt: null
    }
    await this.#inspectPost(post, since, depth)
    this.journal.posts.push(post)
    if (said.type === 'dies') {
      process.gate.die()
      return new Promise<never>(() => {})
    }
    // Nothing comes of a POST within the millisecond in which its job was due.
    await this.site.clock.pass(1)
    await this.#doAll(meanwhile, depth + 1)
    post.answeredAt = this.site.clock.now
    return answerOf(said)
  }

  async #inspectPost({ requestId, attempt }: Post, since: number, depth: number): Promise<void> {
    const isSame = (other: Post) => other.requestId === requestId && other.attempt === attempt
    ensure(!this.journal.posts.some(isSame), 'an attempt was sent twice')
    const good = [...this.journal.stored.values()].find(
      (stored) => stored.requestId === requestId && stored.isGood && stored.nth < since
    )
    ensure(good === undefined, 'it was sent again though its result had come')
    // What comes between the last look at the ledger and the POST nobody can know.
    if (depth === 0 && this.#isInterruptedAfter) return
    const { redis, tag } = this.site
    const isOver = (await redis.zscore(`${tag}:ended`, requestId)) !== null
    ensure(!isOver, 'it was sent though it had ended')
  }

  async #pick(name: string, pick: number): Promise<string | undefined> {
    const ids = await this.site.redis.zrange(`${this.site.tag}:${name}`, '0', '-1')
    return ids[pick % Math.max(ids.length, 1)]
  }
}

/** What the sweep may have to heal: a handler that is held up for long adds its jobs as much too late. */
function isUnrest({ how, by }: Interruption): boolean {
  return how === 'again' || by.some(({ type }) => type === 'time' || type === 'due')
}
