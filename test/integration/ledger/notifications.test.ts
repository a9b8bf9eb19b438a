import t from 'tap'
import { openService } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

t.test('a place in the pace of releases stays taken until its instant has come', async (t) => {
  const service = await openService(t)
  const { notifications, catalog } = service
  const [first = 0, ...others] = await notifications.takePlaces(6, 500, 10_000)
  t.same(
    others.map((at) => at - first),
    [500, 1000, 1500, 2000, 2500]
  )
  // Longer than the second by which what is remembered outlives the last place.
  await until('more than a second has passed', async () => {
    return (await catalog.now()) > first + 1200
  })
  const [next = 0] = await notifications.takePlaces(1, 500, 10_000)
  t.ok(next >= first + 3000, `${next - first} ms behind the first`)
})

t.test('places in the pace are given for the next seconds only', async (t) => {
  const { notifications } = await openService(t)
  t.equal((await notifications.takePlaces(100, 100, 1_000)).length, 11)
  t.same(await notifications.takePlaces(100, 5_000, 1_000), [])
})
