import { askForAll, FAST, untilAllEnded, untilSomeMore } from '../../helpers/crowd.ts'
import { startWorld, type World } from '../../helpers/world.ts'
import { count } from './count.ts'
import type { Fault, Figures, Run } from './fault.ts'

/** What becomes of the queues must not matter: the ledger alone says what is to be done. */
export const queueFaults: readonly Fault[] = [
  { name: 'all keys of the queues deleted, under load', run: (run) => loseTheQueues(run, 'all') },
  {
    name: 'all keys of the queues but the jobs themselves deleted, under load',
    isLong: true,
    run: (run) => loseTheQueues(run, 'places')
  }
]

/** Every key of the queues, or all that tell where a job stands: what is left of it keeps its id taken. */
type Lost = 'all' | 'places'

async function loseTheQueues(run: Run, lost: Lost): Promise<Figures> {
  const { chance, isShort } = run
  const losses = isShort ? 2 : 8
  const world = await startWorld(run, { ...FAST, ownRedis: true })
  const service = await world.start()
  const asking = askForAll(service)
  let jobs = 0
  for (let loss = 0; loss < losses; loss++) {
    await untilSomeMore(world, chance)
    jobs += await deleteQueues(world, lost)
  }
  const members = await asking
  await untilAllEnded(service, members)
  const figures = await count(world, service, members, { kills: losses })
  return { ...figures, remark: `${jobs} jobs ${lost === 'all' ? 'deleted' : 'displaced'}` }
}

// In one script, as nothing that happens to real queues could be worse. Says how many jobs there were.
const DELETE = `
local jobs = 0
for _, queue in ipairs({ 'send', 'paced', 'callback', 'deadline' }) do
  local prefix = KEYS[1] .. ':' .. queue
  for _, name in ipairs(redis.call('KEYS', prefix .. ':*')) do
    local isJob = redis.call('TYPE', name).ok == 'hash' and redis.call('HEXISTS', name, 'data') == 1
    if isJob then jobs = jobs + 1 end
    if ARGV[1] == 'all' or not isJob then redis.call('DEL', name) end
  end
end
return jobs
`

async function deleteQueues({ client, env }: World, lost: Lost): Promise<number> {
  return Number(await client.eval(DELETE, 1, `{${env['QUEUE_PREFIX']}:0}`, lost))
}
