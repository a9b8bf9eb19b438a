import { Gauge, type Registry } from 'prom-client'
import type { Backlog } from '../queue/backlog.ts'

/** What lies on the result queue, to be read at each scrape; without Redis they stay as they were: `khipu_ledger_up` tells. */
export function backlogGauges(registers: Registry[], backlog: () => Promise<Backlog>) {
  const jobs = new Gauge({
    name: 'khipu_result_queue_jobs',
    help: 'Results that no consumer has taken yet, and those that one has given up',
    labelNames: ['state'],
    registers
  })
  const oldest = new Gauge({
    name: 'khipu_result_queue_oldest_seconds',
    help: 'For how long the result that is next has waited for a consumer; 0 where none waits',
    registers
  })
  return {
    async read(): Promise<void> {
      const seen = await backlog().catch(() => null)
      if (seen === null) return
      jobs.set({ state: 'waiting' }, seen.waiting)
      jobs.set({ state: 'failed' }, seen.failed)
      oldest.set(seen.oldestMs / 1000)
    }
  }
}
