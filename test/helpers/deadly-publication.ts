import { Queue } from 'bullmq'

/**
 * What a process of the service loads first (`--import`) so that the publication of certain results kills it. They are
 * those whose job holds `DEADLY_TEXT`; it dies before the job is on the result queue, or `DEADLY_SIDE=after` that.
 */
const { DEADLY_TEXT = '', DEADLY_SIDE = 'before' } = process.env

const add = Reflect.get(Queue.prototype, 'add') as (...job: unknown[]) => Promise<unknown>

if (DEADLY_TEXT !== '') Reflect.set(Queue.prototype, 'add', addOrDie)

async function addOrDie(this: Queue, ...job: unknown[]): Promise<unknown> {
  if (!isDeadly(job[1])) return add.apply(this, job)
  if (DEADLY_SIDE === 'after') await add.apply(this, job)
  process.kill(process.pid, 'SIGKILL')
  // Whatever else this process would have done, it does not.
  return new Promise<never>(() => {})
}

/** Only a result carries its data as bytes. */
function isDeadly(data: unknown): boolean {
  if (typeof data !== 'object' || data === null || !('bytes' in data)) return false
  return data.bytes instanceof Uint8Array && Buffer.from(data.bytes).includes(DEADLY_TEXT)
}
