import type { Redis } from 'ioredis'

/**
 * Counts the commands that other clients send while a task runs. Redis reports those of scripts apart, and counts the
 * commands of the client of the measurements as well, which is not meant.
 */
export async function countClientCommands(
  client: Redis,
  task: () => Promise<void>
): Promise<{ readonly client: number; readonly all: number }> {
  const own = String(await client.call('CLIENT', 'INFO'))
  const [, ownAddress = ''] = /\baddr=(\S+)/.exec(own) ?? []
  const monitor = await client.monitor()
  const counts = { client: 0, all: 0 }
  monitor.on('monitor', (_time: string, _args: string[], source: string) => {
    if (source === ownAddress) return
    counts.all += 1
    if (source !== 'lua') counts.client += 1
  })
  try {
    await task()
    // What was sent last is still on its way to this process.
    await new Promise((resolve) => setTimeout(resolve, 100))
  } finally {
    monitor.disconnect()
  }
  return counts
}
