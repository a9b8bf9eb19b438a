import { type Request, STATES } from '../../../src/core/request.ts'
import { matches, type Notification } from '../../../src/core/notification.ts'
import type { Operation } from '../../../src/core/operations/operation.ts'
import type { Result } from '../../../src/schemas/generated.ts'
import type { Site } from './site.ts'

/** One request as it lies in Redis, read past all of our code. */
export interface Seen {
  readonly record: Request
  readonly state: string
  readonly account: string
  readonly hasInput: boolean
  /** The callbacks that were not acted on: id → when they came. */
  readonly pending: ReadonlyMap<string, number>
  readonly bodies: readonly string[]
  readonly kept: readonly string[]
}

/** The whole ledger, and the result queue, at one instant. */
export interface Sight {
  readonly now: number
  readonly requests: ReadonlyMap<string, Seen>
  readonly all: readonly string[]
  /** The live requests of each state, by the instant of their next step. */
  readonly states: Readonly<Record<string, ReadonlyMap<string, number>>>
  readonly due: ReadonlyMap<string, number>
  readonly received: ReadonlyMap<string, number>
  readonly ended: ReadonlyMap<string, number>
  readonly totals: Readonly<Record<string, number>>
  /** The group that each request is a member of, as often as it is. */
  readonly groups: readonly (readonly [id: string, group: string])[]
  readonly groupCounts: Readonly<Record<string, string>>
  readonly waiting: Readonly<Record<string, readonly string[]>>
  readonly turns: Readonly<Record<string, readonly string[]>>
  readonly quarantine: ReadonlyMap<string, Kept>
  readonly notifications: readonly Notification[]
  /** The instants of notifications whose releases have not ended. */
  readonly releasing: ReadonlySet<number>
  readonly results: readonly { readonly id: string; readonly name: string; readonly data: Result }[]
}

/** An entry of the quarantine. */
export interface Kept {
  readonly kind: string
  readonly requestId: string
  readonly attempt: number
  readonly sha256: string
  readonly size: number
}

/** Reads everything there is. */
export async function look({ redis, tag, prefix, clock }: Site): Promise<Sight> {
  const members = (name: string) => redis.zrange(`${tag}:${name}`, '0', '-1')
  const scores = async (name: string) => {
    const pairs = await redis.zrange(`${tag}:${name}`, '0', '-1', 'WITHSCORES')
    return new Map(pairsOf(pairs).map(([member, score]) => [member, Number(score)]))
  }
  const all = await members('requests')
  const groupCounts = await redis.hgetall(`${tag}:groups`)
  const groups = await Promise.all(
    Object.keys(groupCounts).map(async (name) =>
      (await members(`group:${name}`)).map((id) => [id, name] as const)
    )
  )
  const [seen, states, due, received, ended, totals, kept, notifications, releasing, jobs] =
    await Promise.all([
      Promise.all(all.map((id) => lookAt(redis, tag, id))),
      Promise.all(STATES.map(async (state) => [state, await scores(`due:${state}`)] as const)),
      scores('due'),
      scores('received'),
      scores('ended'),
      redis.hgetall(`${tag}:totals`),
      members('quarantine'),
      members('notifications'),
      releasingOf(redis, tag),
      redis.lrange(`${prefix}:khipu-results:wait`, 0, -1)
    ])
  const accounts = [...new Set(seen.map(({ account }) => account))].filter(Boolean)
  const [waiting, turns, quarantine, results] = await Promise.all([
    Promise.all(accounts.map(async (id) => [id, await members(`waiting:${id}`)] as const)),
    Promise.all(
      accounts.map(async (id) => [id, await redis.smembers(`${tag}:turn:${id}`)] as const)
    ),
    Promise.all(kept.map(async (id) => [id, await entryOf(redis, tag, id)] as const)),
    Promise.all(
      jobs.map(async (id) => {
        const [name, data] = await redis.hmget(`${prefix}:khipu-results:${id}`, 'name', 'data')
        return { id, name: name ?? '', data: JSON.parse(data ?? 'null') as Result }
      })
    )
  ])
  return {
    now: clock.now,
    requests: new Map(seen.map((request) => [request.record.requestId, request])),
    all,
    states: Object.fromEntries(states),
    due,
    received,
    ended,
    groups: groups.flat(),
    groupCounts,
    totals: Object.fromEntries(Object.entries(totals).map(([name, sum]) => [name, Number(sum)])),
    waiting: Object.fromEntries(waiting),
    turns: Object.fromEntries(turns),
    quarantine: new Map(quarantine),
    notifications: notifications.map(readNotification),
    releasing,
    results
  }
}

async function lookAt(redis: Site['redis'], tag: string, id: string): Promise<Seen> {
  const [fields, callbacks, bodies, kept] = await Promise.all([
    redis.hgetall(`${tag}:request:${id}`),
    redis.hgetall(`${tag}:callbacks:${id}`),
    redis.hkeys(`${tag}:bodies:${id}`),
    redis.smembers(`${tag}:kept:${id}`)
  ])
  const { record = 'null', state = '', account = '', sealed } = fields
  const pending = Object.entries(callbacks).filter(([, value]) => value !== '')
  return {
    record: JSON.parse(record) as Request,
    state,
    account,
    hasInput: sealed !== undefined,
    pending: new Map(
      pending.map(([callbackId, value]) => [callbackId, Number.parseInt(value, 10)])
    ),
    bodies,
    kept
  }
}

async function entryOf(redis: Site['redis'], tag: string, id: string): Promise<Kept> {
  return JSON.parse((await redis.hget(`${tag}:quarantine:${id}`, 'entry')) ?? 'null') as Kept
}

async function releasingOf(redis: Site['redis'], tag: string): Promise<ReadonlySet<number>> {
  const [recorded, running] = await Promise.all([
    redis.zrange(`${tag}:releasing`, '0', '-1'),
    redis.zrange(`${tag}:operating`, '0', '-1')
  ])
  const operations = await Promise.all(
    running.map((id) => redis.hget(`${tag}:bulk:${id}`, 'record'))
  )
  const begun = operations.map((record) => JSON.parse(record ?? 'null') as Operation)
  return new Set([
    ...recorded.map((member) => readNotification(member).at),
    ...begun.flatMap(({ lanes }) => lanes.map(({ at }) => at))
  ])
}

function readNotification(member: string): Notification {
  const bar = member.indexOf('|')
  const said = JSON.parse(member.slice(bar + 1)) as Omit<Notification, 'at'>
  return { ...said, at: Number(member.slice(0, bar)) }
}

/** True where the notification is meant for what is parked. */
export function isMeant(notification: Notification, request: Request): boolean {
  const { requestId, service, code, parked } = request
  return parked !== null && matches(notification, { requestId, service, code, cause: parked.cause })
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return flat.flatMap((member, index): [string, string][] =>
    index % 2 === 0 ? [[member, flat[index + 1] ?? '']] : []
  )
}
