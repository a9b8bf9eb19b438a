import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../simulator/free-port.ts'
import { findRedis } from '../../simulator/find-redis.ts'
import { startServer } from '../../simulator/redis-server.ts'
import { until } from './until.ts'

/** A replica that can be kept from getting anything. */
export interface Replica {
  stop(): void
  goOn(): void
}

/** Starts a replica of a Redis, and resolves once it is in step; it is gone when the test has ended. */
export async function startReplica(
  scope: { teardown(task: () => unknown): void },
  url: string
): Promise<Replica> {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-replica-'))
  scope.teardown(() => rm(folder, { recursive: true, force: true }))
  const of = ['--replicaof', `127.0.0.1 ${new URL(url).port}`]
  const args = [...of, '--repl-diskless-sync-delay', '0']
  const binary = await findRedis()
  const { pid, end } = await startServer({ binary, folder, port: await freePort(), args })
  if (pid === undefined) throw new Error('the replica has no process')
  const goOn = () => void process.kill(pid, 'SIGCONT')
  scope.teardown(() => end('SIGKILL'))
  const primary = new Redis(url)
  await until('the replica is in step', async () => (await primary.wait(1, 1000)) === 1)
  primary.disconnect()
  return { stop: () => void process.kill(pid, 'SIGSTOP'), goOn }
}
