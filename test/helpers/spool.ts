import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createCipher } from '../../src/crypto/encrypt.ts'
import type { Draining } from '../../src/callbacks/drain-spool.ts'
import { openSpool, type Spool, type SpoolSettings } from '../../src/spool/spool.ts'
import type { Service } from './service.ts'
import { until } from './until.ts'
import { type FlatDrainDeps, startDraining } from './handlers.ts'

/** A folder that is gone when the test has ended. */
export function spoolFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'khipu-spool-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Has the disk lose what an open spool has put there, of which SQLite must have more than it keeps in memory. */
export function loseFiles(folder: string): void {
  for (const suffix of ['', '-wal']) truncateSync(join(folder, `callbacks.sqlite${suffix}`))
}

/** A spool on a real disk, with the keys of a service. */
export function openTestSpool(
  t: Test,
  { ledgerSettings }: Pick<Service, 'ledgerSettings'>,
  changes: Partial<SpoolSettings> = {}
): Spool {
  const cipher = createCipher(ledgerSettings.secretKeys)
  const bounds = { mostBytes: 1e7, mostOfRequest: 100, mostBytesOfRequest: 1e7, leaveFree: 0 }
  const spool = openSpool({ folder: spoolFolder(t), cipher, ...bounds, ...changes })
  t.teardown(() => spool.close())
  return spool
}

/** Drains a spool into the ledger of a service. */
export function drain(
  t: Test,
  service: Service,
  spool: Spool,
  changes: Partial<FlatDrainDeps> = {}
): Draining {
  const draining = startDraining({ ...service, spool, canStore: () => true, ...changes })
  t.teardown(() => draining.close())
  return draining
}

/** Drains a spool until nothing is left in it. */
export async function drainAll(t: Test, service: Service, spool: Spool): Promise<void> {
  const draining = drain(t, service, spool)
  await until('the spool is empty', () => spool.usage().entries === 0)
  await draining.close()
}
