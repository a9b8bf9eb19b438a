import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SentCallback } from '../../../simulator/history.ts'
import { scenarios } from '../../../simulator/scenarios.ts'
import type { Member } from '../../helpers/crowd.ts'
import { call, type Env, type Service } from '../../helpers/service-process.ts'
import { until } from '../../helpers/until.ts'
import {
  accountOf,
  ask,
  metric,
  otherPorts,
  startWorld,
  view,
  type World
} from '../../helpers/world.ts'
import type { Run } from './fault.ts'
import { acknowledgedOf, distinct, heard, statusOf } from './heard.ts'

/** A server with a spool beside a worker, and requests whose callbacks are about to come. */
export interface Outage {
  readonly world: World
  readonly members: readonly Member[]
  readonly spoolDir: string
  /** The server that runs now. */
  readonly service: Service
  /** Kills the server, and starts another, which need not be able to store. */
  replace(): Promise<void>
}

/** Scenarios in which callbacks alone decide. */
const NAMES: readonly string[] = [
  'ok',
  'duplicate',
  'duplicate-at-once',
  'conflicting',
  'retry-immediately-once'
]

/** Asks for some accounts of each scenario, and resolves once Khipu has all of them and before it calls back much. */
export async function openOutage(
  run: Run,
  each: number,
  env: Env = {},
  names = NAMES
): Promise<Outage> {
  const spoolDir = env['SPOOL_DIR'] ?? (await folderOf(run))
  const world = await startWorld(run, {
    ownRedis: true,
    // Every POST is remembered: what was taken early must not be forgotten for what is repeated in an outage.
    khipu: {
      callbackDelayMs: 2000,
      callbackRepeats: 10_000,
      callbackRepeatDelayMs: 300,
      keep: 1e6
    },
    env: { SPOOL_DIR: spoolDir, SWEEP_INTERVAL: '2s', ...env }
  })
  // The spool is the server's. A worker that shares its environment leaves it alone.
  await world.start({ ...(await otherPorts()), ROLE: 'worker' })
  let service = await world.start({ ROLE: 'server' })
  const members = await Promise.all(
    scenarios
      .filter(({ name }) => names.includes(name))
      .flatMap((scenario) =>
        Array.from({ length: each }, async (_, number) => {
          const account = accountOf(scenario.prefix, number)
          return { scenario, account, requestId: await ask(service, account) }
        })
      )
  )
  await until('Khipu has them all', () => world.khipu.calls.length >= members.length)
  return {
    world,
    members,
    spoolDir,
    get service() {
      return service
    },
    async replace() {
      await service.kill()
      service = world.spawn({ ROLE: 'server' })
      await untilLive(service)
    }
  }
}

async function folderOf(run: Run): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-spool-'))
  run.teardown(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'spool')
}

async function untilLive({ publicUrl }: Service): Promise<void> {
  await until('it listens', () => call(`${publicUrl}/health/live`).catch(() => null))
}

/** How many callbacks wait on disk, as readiness tells. */
export async function spooled({ adminUrl }: Service): Promise<number> {
  const { body } = await call<{ spool: { entries: number } }>(`${adminUrl}/health/ready`)
  return body.spool.entries
}

/** How many callbacks were answered with that status. */
export function answered({ khipu }: World, status: number): number {
  return khipu.callbacks.filter((callback) => statusOf(callback) === status).length
}

/** Resolves once every request of the crowd has been called back, and every callback was taken. */
export async function untilAllTaken({ world, members }: Outage): Promise<void> {
  await until('every callback is taken', () => {
    const { callbacks } = world.khipu
    const taken = callbacks.filter((callback) => statusOf(callback) === 200)
    const open = new Set(callbacks.map(keyOf)).size - new Set(taken.map(keyOf)).size
    const called = new Set(taken.map(({ account }) => account)).size
    return open === 0 && called === members.length
  })
}

/** Resolves once the spool is empty. */
export async function untilDrained(outage: Outage): Promise<void> {
  await until('the spool is empty', async () => {
    const entries = await metric(outage.service, 'khipu_spool_entries').catch(() => new Map())
    return entries.get('') === 0
  })
}

/** Throws where the ledger has not had every acknowledged callback, or has had one twice. */
export async function checkHistories({ world, members, service }: Outage): Promise<void> {
  const { callbacks } = world.khipu
  for (const { account, requestId } of members) {
    const mine = callbacks.filter((callback) => callback.account === account)
    const most = distinct(world, mine)
    const least = distinct(world, acknowledgedOf(world, account))
    const had = heard(await view(service, requestId))
    if (had < least || had > most)
      throw new Error(`${account}: ${least} to ${most} callbacks, the ledger has had ${had}`)
  }
}

function keyOf({ account, attempt, bytes, operationId }: SentCallback): string {
  return [account, attempt, bytes, operationId].join()
}
