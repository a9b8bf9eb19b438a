import t from 'tap'
import type { Lane } from '../../../src/core/result-head.ts'
import { openLanes } from '../../../src/delivery/lanes.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Tasks that run until they are told to end, by name. */
function open() {
  const runIn = openLanes()
  const running: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const run = async (lane: Lane, name: string) => {
    const task = () => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      running.push(name)
      ends.set(name, (error) => {
        running.splice(running.indexOf(name), 1)
        if (error === undefined) resolve(name)
        else reject(error)
      })
      return promise
    }
    const ran = runIn(lane, task)
    ran.catch(() => {})
    await turn()
    return { ran }
  }
  const end = async (name: string, error?: Error) => {
    ends.get(name)?.(error)
    await turn()
  }
  return { running, run, end }
}

t.test('small ones run side by side, and only two large ones', async (t) => {
  const { running, run, end } = open()
  for (const name of ['l1', 'l2', 'l3']) await run('large', name)
  for (const name of ['s1', 's2', 's3']) await run('small', name)
  t.same(running, ['l1', 'l2', 's1', 's2', 's3'])
  await end('l1')
  t.same(running, ['l2', 's1', 's2', 's3', 'l3'])
})

t.test('one alone waits for those that run, and holds up those behind it', async (t) => {
  const { running, run, end } = open()
  await run('small', 'before')
  await run('large', 'large')
  await run('alone', 'alone')
  await run('alone', 'next')
  await run('small', 'behind')
  t.same(running, ['before', 'large'])
  await end('before')
  t.same(running, ['large'])
  await end('large', new Error('failed'))
  t.same(running, ['alone'])
  await end('alone', new Error('failed'))
  t.same(running, ['next'])
  await end('next')
  t.same(running, ['behind'])
})

t.test('each gets the outcome of its own task', async (t) => {
  const { run, end } = open()
  for (const lane of ['small', 'large', 'alone'] as const) {
    const good = await run(lane, `good ${lane}`)
    await end(`good ${lane}`)
    t.equal(await good.ran, `good ${lane}`)
    const bad = await run(lane, `bad ${lane}`)
    await end(`bad ${lane}`, new Error(`bad ${lane}`))
    await t.rejects(bad.ran, { message: `bad ${lane}` })
  }
})
