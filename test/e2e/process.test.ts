import t from 'tap'
import { until } from '../helpers/until.ts'
import { accountOf, ask, atRest, startWorld } from '../helpers/world.ts'

// They wait more than they work, so they run side by side.
t.jobs = 3

/** Runs beside the service from its start on. */
const beside = (code: string) => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`
})

t.test('what a library prints is a line of the log, which keeps to LOG_LEVEL', async (t) => {
  const world = await startWorld(t, { khipu: { callbackDelayMs: 20 } })
  // Once the service has taken over what is printed, however long that takes to come.
  const code = `process.on('newListener', (event) => {
    if (event === 'warning') setImmediate(() => console.log('canary'))
  })
  process.on('SIGWINCH', () => console.log(process.hrtime.bigint()))`
  const service = world.spawn({ ...beside(code), LOG_LEVEL: 'warn' })
  await service.ready()
  const printed = await until('it has printed', () =>
    service.logs.find(({ msg }) => msg === 'library output')
  )
  t.match(printed, { level: 40, printed: 'canary' })
  t.same(
    service.logs.filter(({ level }) => level < 40),
    []
  )
  t.same([service.strays, service.stderr()], [[], ''])

  await t.test('and one that nobody reads any more does not end the process', async (t) => {
    service.closeLog()
    for (const number of [1, 2]) {
      service.send('SIGWINCH')
      const requestId = await ask(service, accountOf('1001', number))
      t.match(await atRest(service, requestId), { state: 'delivered' })
    }
    t.match(await service.stop(), { code: 0 })
  })
})

for (const [what, failure] of [
  ['an error that nobody catches', 'throw new TypeError("canary")'],
  ['a rejection that nobody handles', 'void Promise.reject(new TypeError("canary"))']
] as const) {
  t.test(`${what} is told, and ends the process with code 1`, async (t) => {
    const world = await startWorld(t)
    const service = await world.start(beside(`process.on('SIGWINCH', () => { ${failure} })`))
    service.send('SIGWINCH')
    t.match(await service.exited(), { code: 1 })
    t.match(
      service.logs.filter(({ level }) => level === 60),
      [{ msg: 'service failed', error: 'TypeError', stack: /canary/ }]
    )
    t.same([service.strays, service.stderr()], [[], ''])
  })
}
