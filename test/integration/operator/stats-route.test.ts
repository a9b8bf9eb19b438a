import t from 'tap'
import { check } from '../../../src/schemas/validate.ts'
import { openAdmin, openServerService } from '../../helpers/listeners.ts'
import { askIn, BTG } from '../../helpers/requests.ts'

const HOUR = 3_600_000

t.test('what entered a state is counted by the minute and by the hour, each time', async (t) => {
  const service = await openServerService(t)
  const { get } = await openAdmin(t, service)
  for (let count = 0; count < 3; count += 1) await askIn(service, 'parked')
  await askIn(service, 'awaiting-callback')
  for (const step of ['1m', '1h']) {
    const from = new Date(Date.now() - 2 * HOUR).toISOString()
    const { json } = await get(`/v1/stats?from=${from}&step=${step}`)
    t.match(check('stats', json), { valid: true })
    const { series } = json as { series: { labels: object; points: [string, number][] }[] }
    const sums = series.map(({ labels, points }) => [
      Object(labels).state,
      points.reduce((sum, [, entries]) => sum + entries, 0)
    ])
    t.same(sums, [
      ['awaiting-callback', 1],
      ['parked', 3],
      ['queued', 4]
    ])
  }
  const byAll = await get('/v1/stats?by=state,reason,code,bank')
  t.match(byAll.json, { step: '1m' })
  t.match(Object(byAll.json).series, [
    { labels: { state: 'awaiting-callback', reason: null, code: null, bank: 'btgpactual.cl' } },
    { labels: { state: 'parked', reason: 'retry-after-notification', code: 'I001' } },
    { labels: { state: 'queued' } }
  ])
  t.match(Object((await get('/v1/stats?by=service')).json).series, [{ labels: { service: BTG } }])
  const later = new Date(Date.now() + HOUR).toISOString()
  t.match((await get(`/v1/stats?from=${later}&to=${later}`)).json, { series: [] })
  const day = new Date(Date.now() - 24 * HOUR).toISOString()
  t.match((await get(`/v1/stats?from=${day}`)).json, { step: '1h' })
})

const ago = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString()
const REFUSED: readonly [query: string, path: string][] = [
  [`from=${ago(4)}&step=1m`, '/from'],
  [`from=${ago(36 * 24)}`, '/from'],
  [`from=${ago(1)}&to=${ago(2)}`, '/from'],
  ['from=yesterday', '/from'],
  ['step=1d', '/step'],
  ['by=account', '/by']
]

t.test('what is not counted that far back, or in no such way, is refused', async (t) => {
  const { get } = await openAdmin(t, await openServerService(t))
  for (const [query, path] of REFUSED) {
    t.match(await get(`/v1/stats?${query}`), { status: 422, json: { errors: [{ path }] } }, query)
  }
})
