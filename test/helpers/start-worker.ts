import type { Env, Service } from './service-process.ts'
import { otherPorts, type World } from './world.ts'

/** One more process, which only works. */
export async function startWorker({ start }: World, env: Env = {}): Promise<Service> {
  return start({ ROLE: 'worker', ...(await otherPorts()), ...env })
}
