import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { createClock, earliestNow, latestNow } from '../../../src/redis/clock-reading.ts'

t.test('the clock is between the earliest and the latest instant', async (t) => {
  const askedAt = performance.now()
  const reading = { now: 1_000_000, askedAt: askedAt - 300, repliedAt: askedAt - 100 }
  const [earliest, latest] = [earliestNow(reading), latestNow(reading)]
  t.ok(earliest >= 1_000_100 && latest >= 1_000_300)
  t.ok(latest - earliest >= 200, 'it may have been read at any instant between asking and reply')
})

t.test('the clock is read once a second, and told without a command in between', async (t) => {
  let reads = 0
  const begun = performance.now()
  const clock = createClock(async () => {
    reads += 1
    await pause(20)
    return 1_000_000 + Math.floor(performance.now() - begun)
  })
  let last = 0
  for (let count = 0; count < 30; count += 1) {
    const now = await clock()
    t.ok(now >= last, 'it never goes back')
    t.ok(now <= 1_000_000 + (performance.now() - begun), 'it is never ahead')
    last = now
  }
  t.equal(reads, 1)
  await pause(1_050)
  t.ok((await clock()) >= last + 1_000)
  t.equal(reads, 2)
})

t.test('a clock that could not be read is read again', async (t) => {
  let reads = 0
  const clock = createClock(async () => {
    reads += 1
    if (reads === 1) throw new Error('away')
    return 7
  })
  await t.rejects(clock(), /away/)
  t.ok((await clock()) >= 7)
})
