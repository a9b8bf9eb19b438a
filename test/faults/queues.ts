import { askForAll, FAST, untilAllEnded, untilSomeMore } from '../journey/crowd.ts'
import { startWorld, type World } from '../journey/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'

/** What becomes of the queues must not matter: the ledger alone says what is to be done. */
export const queueFaults: readonly Fault[] = [
  { name: 'all keys of the queues deleted, under load', run: loseTheQueues }
]

async function loseTheQueues(run: Run): Promise<Figures> {
  const { chance, isShort } = run
  const losses = isShort ? 2 : 8
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const service = await world.start()
  const asking = askForAll(service)
  let jobs = 0
  for (let loss = 0; loss < losses; loss++) {
    await untilSomeMore(world, chance)
    jobs += await deleteQueues(world)
  }
  const members = await asking
  await untilAllEnded(service, members)
  const figures = await count(world, service, members, { kills: losses })
  return { ...figures, remark: `${jobs} jobs deleted` }
}

// In one script, as nothing that happens to real queues could be worse. Says how many jobs there were.
const DELETE = `
local jobs = 0
for _, queue in ipairs({ 'send', 'paced', 'callback', 'deadline' }) do
  local prefix = KEYS[1] .. ':' .. queue
  for _, name in ipairs(redis.call('KEYS', prefix .. ':*')) do
    if name:sub(1, #prefix + #queue + 2) == prefix .. ':' .. queue .. '-' then jobs = jobs + 1 end
    redis.call('DEL', name)
  end
end
return jobs
`

async function deleteQueues({ client, env }: World): Promise<number> {
  return Number(await client.eval(DELETE, 1, `{${env['QUEUE_PREFIX']}:0}`))
}
