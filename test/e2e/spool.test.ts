import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { spoolFolder } from '../helpers/spool.ts'
import { otherPorts, startWorld } from '../helpers/world.ts'

t.test('a second process in the same folder does not start; a worker does', async (t) => {
  const env = { SPOOL_DIR: spoolFolder(t) }
  const world = await startWorld(t, { env })
  await world.start()
  const second = world.spawn(await otherPorts())
  t.same(await second.exited(), { code: 1, signal: null })
  t.match(
    second.logs.filter(({ level }) => level >= 50),
    [{ level: 60, error: /^SPOOL_DIR is used by another process/ }]
  )
  t.equal(second.stderr(), '')
  await world.start({ ...(await otherPorts()), ROLE: 'worker' })
})

t.test('a folder that cannot be written keeps it from starting', async (t) => {
  const file = join(spoolFolder(t), 'file')
  await writeFile(file, '')
  const world = await startWorld(t, { env: { SPOOL_DIR: file } })
  const service = world.spawn()
  t.same(await service.exited(), { code: 1, signal: null })
  t.match(
    service.logs.filter(({ level }) => level >= 50),
    [{ level: 60, error: /^SPOOL_DIR names a folder that cannot be written/ }]
  )
})
