import t from 'tap'
import { openService } from '../../helpers/service.ts'
import { until } from '../../helpers/until.ts'

t.test('a place in the pace of releases stays taken until its instant has come', async (t) => {
  const service = await openService(t)
  const { notifications, catalog } = service
  const [first = 0, ...others] = await notifications.takePlaces(6, 500)
  t.same(
    others.map((at) => at - first),
    [500, 1000, 1500, 2000, 2500]
  )
  // Longer than the second by which what is remembered outlives the last place.
  await until('more than a second has passed', async () => {
    return (await catalog.now()) > first + 1200
  })
  const [next = 0] = await notifications.takePlaces(1, 500)
  t.ok(next >= first + 3000, `${next - first} ms behind the first`)
})
