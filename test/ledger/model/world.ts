import { isDeepStrictEqual } from 'node:util'
import type { Answer } from '../../../src/core/answer.ts'
import { accept as acceptRequest } from '../../../src/core/accept.ts'
import { authorize, cancel, retryNow } from '../../../src/core/operate.ts'
import { logonOf, note, type Request } from '../../../src/core/request.ts'
import type { Entry } from '../../../src/ledger/entry.ts'
import type { KhipuRequest } from '../../../src/khipu/client.ts'
import { classify } from '../../../src/khipu/classify.ts'
import { advance, type Step } from '../../../src/ledger/advance.ts'
import { callbackId } from '../../../src/ledger/ids.ts'
import type { Input } from '../../../src/ledger/ledger.ts'
import { releaseParked } from '../../../src/ledger/release.ts'
import { accept } from '../../../src/server/accept.ts'
import { Refusal } from '../../../src/server/problem.ts'
import type { QueueName } from '../../../src/queue/queues.ts'
import { callback } from '../../../src/worker/callback.ts'
import { deadline } from '../../../src/worker/deadline.ts'
import { send } from '../../../src/worker/send.ts'
import { sweep } from '../../../src/worker/sweep.ts'
import { v7 as uuidv7 } from 'uuid'
import { bytes, callbackOf } from '../../support/callbacks.ts'
import { BTG } from '../../support/requests.ts'
import { ensure } from '../../core/life.ts'
import {
  bytesOf,
  type Body,
  type Happening,
  type Interruption,
  isGood,
  type Said
} from './happening.ts'
import { type Process, QUEUES, type Site, type Taken } from './site.ts'

/** A POST that Khipu was to get. */
export interface Post {
  readonly requestId: string
  readonly attempt: number
  readonly at: number
  readonly said: Said['type']
  /** The instant at which the answer was there; null where there was none. */
  answeredAt: number | null
}

/** A body that was stored for a request as a callback; the `nth` of all that happened. */
export interface Stored {
  readonly id: string
  readonly requestId: string
  readonly isGood: boolean
  readonly nth: number
}

/** A callback that was answered 200. */
export interface Acknowledged {
  readonly id: string
  readonly requestId: string
  readonly attempt: number
  readonly isGood: boolean
}

interface Ask {
  readonly key: string
  readonly service: string
  readonly input: Input
}

const HANDLERS = { send, callback, deadline }
/** Whoever asks for more in one run asks for nothing. */
const MOST_REQUESTS = 4
const ELSEWHERE = 'cl/banking/personal/bci.cl/transactions'

/**
 * What happens to the service in one run, and what the outside knows of it by itself: Khipu which POSTs it got,
 * the sender of callbacks which were answered 200, whoever asked whether it was answered.
 */
export class World {
  readonly posts: Post[] = []
  readonly stored = new Map<string, Stored>()
  readonly acknowledged: Acknowledged[] = []
  readonly asked: Ask[] = []
  /** What was asked and not answered: it will be asked again. */
  unanswered: Ask[] = []
  /** The quarantine entries that an operator has accepted or discarded, or tried to. */
  readonly operated = new Set<string>()
  /** Crashes, lost replies, lost keys and clocks that differ. */
  crashes = 0
  unrest = 0
  twins = 0
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
    if (await this.#isOfTheSite(what)) return
    const process = await this.#process(depth)
    if (interruption?.how === 'again') this.unrest += 1
    if (depth === 0) this.#isInterruptedAfter = interruption?.how === 'after'
    process.gate.arm(
      interruption && {
        how: interruption.how,
        at: 1 + (interruption.at % (this.#commands.get(what.type) ?? 8)),
        meanwhile: () => this.#do(interruption.by, depth + 1, null)
      }
    )
    const done = this.#act(process, what, depth).catch((error: unknown) => {
      // What an operator is told is no fault.
      if (!(error instanceof Refusal)) throw error
    })
    await Promise.race([done, process.gate.died])
    const commands = process.gate.arm(null)
    // So many there will be the next time, more or less.
    if (commands > 1) this.#commands.set(what.type, commands)
    if (!process.gate.isDead) return
    this.crashes += 1
    await process.gate.died
    await process.close()
    this.#processes.delete(depth)
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
        this.unrest += 1
        clock.skew(what.ms)
        return true
      case 'take-over':
        await this.site.takeOver()
        return true
      case 'lose':
        this.unrest += 1
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
    const refused = await this.site.redis.get(`${this.site.tag}:refused:${logonOf(request)}`)
    const isKnown = isDeepStrictEqual(JSON.parse(refused ?? 'null'), entry.refused)
    ensure(isKnown, 'it was sent though its log-on had just been refused')
  }

  #note(requestId: string, id: string, isGood: boolean): void {
    const key = `${requestId}/${id}`
    if (!this.stored.has(key))
      this.stored.set(key, { id, requestId, isGood, nth: (this.#nth += 1) })
  }

  async #act(process: Process, what: Happening, depth: number): Promise<void> {
    const { deps } = process
    switch (what.type) {
      case 'ask':
        return this.#ask(process, what)
      case 'run':
        return this.#run(process, what, depth)
      case 'twin':
        return this.#twin(process, depth)
      case 'callback':
        return this.#callBack(process, what.pick, what.body)
      case 'notify': {
        const releasing = await deps.notifications.record({ ...what.filter, requestIds: null })
        return void (await releaseParked(deps, releasing))
      }
      case 'cancel':
        return this.#change(process, what.pick, (request, { now }) => cancel(request, 'ann', now))
      case 'retry':
        return this.#change(process, what.pick, (request, { now }) => retryNow(request, 'ann', now))
      case 'authorize':
        return this.#authorize(process, what.pick, what.logon)
      case 'accept':
      case 'discard':
        return this.#judge(process, what.type, what.pick)
      case 'sweep':
        return sweep(deps)
      default:
        throw new Error(`${what.type} is not for a process`)
    }
  }

  async #run(
    process: Process,
    { queue, said, meanwhile }: Extract<Happening, { type: 'run' }>,
    depth: number
  ): Promise<void> {
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
    this.twins += 1
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
    this.posts.push(post)
    if (said.type === 'dies') {
      process.gate.die()
      return new Promise<never>(() => {})
    }
    // Nothing comes of a POST within the millisecond in which its job was due.
    await this.site.clock.pass(1)
    for (const what of meanwhile) await this.#do(what, depth + 1, null)
    post.answeredAt = this.site.clock.now
    return answerOf(said)
  }

  async #inspectPost({ requestId, attempt }: Post, since: number, depth: number): Promise<void> {
    const isSame = (other: Post) => other.requestId === requestId && other.attempt === attempt
    ensure(!this.posts.some(isSame), 'an attempt was sent twice')
    const good = [...this.stored.values()].find(
      (stored) => stored.requestId === requestId && stored.isGood && stored.nth < since
    )
    ensure(good === undefined, 'it was sent again though its result had come')
    // What comes between the last look at the ledger and the POST nobody can know.
    if (depth === 0 && this.#isInterruptedAfter) return
    const { redis, tag } = this.site
    const isOver = (await redis.zscore(`${tag}:ended`, requestId)) !== null
    ensure(!isOver, 'it was sent though it had ended')
  }

  async #ask(
    process: Process,
    { account, logon, isElsewhere }: Extract<Happening, { type: 'ask' }>
  ): Promise<void> {
    if (this.unanswered.length === 0) {
      if (this.asked.length >= MOST_REQUESTS) return
      const RequestData = { AccountNumber: `00001188775${account}` }
      const service = isElsewhere ? ELSEWHERE : BTG
      const ask = {
        key: `key-${this.asked.length}`,
        service,
        input: { RequestData, ...broughtWith(logon) }
      }
      this.asked.push(ask)
      this.unanswered.push(ask)
    }
    const [ask] = this.unanswered
    if (ask !== undefined) await this.#askFor(process, ask)
  }

  /** As the operator API does, but for HTTP. */
  async #askFor({ deps }: Process, ask: Ask): Promise<void> {
    const { key, service, input } = ask
    const fingerprint = Buffer.from(key)
    const reservation = { requestId: uuidv7(), fingerprint }
    const { requestId } = await deps.idempotency.reserve('ann', key, reservation)
    const now = await deps.catalog.now()
    const account = deps.accounts.identify(service, input)
    const authorization = input.authorization === undefined ? null : { expiresAt: null }
    const asked = { requestId, service, reference: key, account, authorization }
    const request = acceptRequest(asked, 'ann', now)
    if (await deps.ledger.create(request, input)) await deps.jobs.ensure(null, request, now)
    else this.unrest += 1
    this.unanswered = this.unanswered.filter((other) => other !== ask)
  }

  /** As the public listener does, but for HTTP. */
  async #callBack({ deps }: Process, pick: number, body: Body): Promise<void> {
    const reached = this.posts.filter(({ said }) => said !== 'lost-before')
    const post = reached.at(pick % Math.max(reached.length, 1))
    if (post === undefined) return
    const { requestId, attempt } = post
    const received = bytesOf(body)
    if (body.kind === 'not-json') {
      await deps.quarantine.keep({ requestId, attempt }, 'not-json', [], received)
      return
    }
    const callback = callbackOf(attempt, received)
    const { id } = callback
    const [status] = await Promise.all([
      deps.ledger.receive(requestId, callback, received),
      deps.jobs.wake(requestId, id)
    ])
    ensure(status !== 'unknown' && status !== 'full', 'the request of a capability must be known')
    this.acknowledged.push({ id, requestId, attempt, isGood: isGood(body) })
  }

  async #pick(name: string, pick: number): Promise<string | undefined> {
    const ids = await this.site.redis.zrange(`${this.site.tag}:${name}`, '0', '-1')
    return ids[pick % Math.max(ids.length, 1)]
  }

  async #change({ deps }: Process, pick: number, step: Step, sealed?: Uint8Array): Promise<void> {
    const requestId = await this.#pick('requests', pick)
    if (requestId !== undefined) await advance(deps, requestId, step, sealed)
  }

  async #authorize(process: Process, pick: number, logon: number): Promise<void> {
    const { deps } = process
    const requestId = await this.#pick('requests', pick)
    const input = requestId === undefined ? null : await deps.ledger.openInput(requestId)
    if (input === null || requestId === undefined) return
    const authorization = { jwt: `jwt-${logon}` }
    const sealed = deps.ledger.seal(requestId, { ...input, authorization })
    const step: Step = (request, { now }) => {
      const account = deps.accounts.identify(request.service, { ...input, authorization })
      return authorize(request, { authorization: { expiresAt: null }, account }, 'ann', now)
    }
    await advance(deps, requestId, step, sealed)
  }

  async #judge({ deps }: Process, what: 'accept' | 'discard', pick: number): Promise<void> {
    const id = await this.#pick('quarantine', pick)
    const kept = id === undefined ? null : await deps.quarantine.find(id)
    if (kept === null) return
    this.operated.add(kept.quarantineId)
    if (what === 'accept') return accept(deps, kept, 'ann')
    if (!(await deps.quarantine.discard(kept.quarantineId))) return
    await advance(deps, kept.requestId, (request, { now: at }) =>
      note(request, { at, event: 'quarantine-discarded' })
    )
  }
}

/** No log-on of its own, or one of two JWTs. */
function broughtWith(logon: number): Pick<Input, 'authorization'> {
  return logon === 0 ? {} : { authorization: { jwt: `jwt-${logon}` } }
}

/** The answer as the client would have read it. */
function answerOf(said: Said): Answer {
  const http = (status: number, body: Buffer = Buffer.alloc(0), retryAfter?: string) =>
    classify({ status, retryAfter, body }, 0)
  switch (said.type) {
    case 'acknowledged':
      return http(202, bytes({ OperationId: 'operation', Status: 'OK', LifeSpan: 'PT20M' }))
    case 'envelope':
      return http(200, bytesOf(said.body))
    case '401':
      return http(401)
    case '400':
      return http(400)
    case '503':
      return http(503, Buffer.alloc(0), '120')
    case 'garbage':
      return http(200, Buffer.from('<html>'))
    case 'lost-before':
      return { type: 'temporary', httpStatus: null, retryAfterMs: null, detail: 'ECONNREFUSED' }
    case 'lost-after':
      return { type: 'ambiguous', detail: 'ECONNRESET' }
    case 'dies':
      throw new Error('a dead process gets no answer')
  }
}

/** The id of a body as a callback of an attempt. */
export function idOf(attempt: number, body: Body): string {
  return callbackId(attempt, bytesOf(body))
}
