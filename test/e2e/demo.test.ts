import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import t from 'tap'
import { startWorld } from '../helpers/world.ts'

// They mind neither each other nor the Redis that they share, so they run side by side.
const crash = startDemo(['--crash', '--fast'])
const keep = startDemo(['--keep', '--fast'])
const interrupted = startDemo()
const interruption = interrupted
  .untilItSays('awaiting-callback')
  .then(() => interrupted.child.kill('SIGINT'))

void t.test('ends everything as its scenario says, and says so in plain lines', async (t) => {
  await keep.untilItSays('results appear below')
  const [output = ''] = keep.output().split('still running')
  t.match(output, summary({ sent: 12, delivered: 11, failed: 1 }))
  t.match(output, /wait-4-hours-once: due at \d{4}-\d\d-\d\dT[\d:.]+Z, never earlier/)
  t.match(output, 'as a dry run: finds 1 parked, releases none')
  t.match(output, 'is over: releases 1')
  t.match(output, 'everything ended exactly once, as its scenario says')
  t.notMatch(output, '\u001b', 'no control characters where there is no terminal')
  t.notMatch(output, /\b\d{4}-\d{4}\b/, 'no account number in full')
})

void t.test('ends everything exactly once when the service is killed meanwhile', async (t) => {
  const { code, output } = await crash.end
  t.equal(code, 0, output)
  t.match(output, /killed with SIGKILL, [1-9]\d* requests in flight/)
  t.match(output, 'service started again')
  t.match(output, summary({ sent: 16, delivered: 15, failed: 1 }))
  t.match(output, 'everything ended exactly once, as its scenario says')
})

void t.test('--keep leaves it running for what it prints, until Ctrl-C', async (t) => {
  await keep.untilItSays('results appear below')
  const api = found(keep.output(), /API=(\S+);/)
  const authorization = found(keep.output(), /AUTH='Authorization: ([^']+)'/)
  const id = found(keep.output(), /ID=(\S+)/)
  const looked = await fetch(`${api}/v1/requests/${id}`, { headers: { authorization } })
  t.match(await looked.json(), { requestId: id, state: 'delivered' })
  keep.child.kill('SIGINT')
  const { code, output } = await keep.end
  t.equal(code, 0, output)
  await t.rejects(fetch(`${api}/health/live`), 'the service is gone')
})

void t.test('Ctrl-C ends it in order', async (t) => {
  await interruption
  const { code, output } = await interrupted.end
  t.equal(code, 130, output)
  t.match(output, 'stopped by SIGINT')
})

void t.test('leaves nothing in a Redis that is not its own', async (t) => {
  const url = process.env['REDIS_URL']
  if (url === undefined) {
    t.pass('each had a Redis of its own')
    return
  }
  await Promise.all([crash.end, keep.end, interrupted.end])
  const redis = new Redis(url)
  t.same(await redis.keys('*khipu-demo-*'), [])
  redis.disconnect()
})

void t.test('plays with a service and a simulator that run already', async (t) => {
  const world = await startWorld(t, {
    khipu: { slowDelayMs: 3000, lateDelayMs: 8000, callbackDelayMs: 1000 },
    env: {
      CALLBACK_TIMEOUT: '5s',
      SWEEP_INTERVAL: '3s',
      RETRY_POLICY_FILE: fileURLToPath(
        new URL('../../simulator/demo/retry-policy.json', import.meta.url)
      )
    }
  })
  const service = await world.start()
  const { code, output } = await startDemo(['--join', service.adminUrl], {
    SIMULATOR_URL: world.khipu.url,
    REDIS_URL: world.redis.url,
    QUEUE_PREFIX: world.env['QUEUE_PREFIX'],
    API_TOKENS: world.env['API_TOKENS']
  }).end
  t.equal(code, 0, output)
  t.match(output, summary({ sent: 12, delivered: 11, failed: 1 }))
  t.match(output, 'everything ended exactly once, as its scenario says')
  t.notMatch(output, String(world.env['API_TOKENS']).split(':')[1], 'the token is not printed')
})

void t.test('refuses what it does not know, and what does not go together', async (t) => {
  const rows: [flags: string[], fault: string][] = [
    [['--krash'], "Unknown option '--krash'"],
    [['--join', 'nowhere'], '--join needs a URL'],
    [['--join', 'http://127.0.0.1:3001', '--crash'], '--crash needs a service of its own']
  ]
  for (const [flags, fault] of rows) {
    const { code, output } = await startDemo(flags).end
    t.equal(code, 2)
    t.match(output, fault)
  }
})

function startDemo(flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const file = fileURLToPath(new URL('../../simulator/demo.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [file, ...flags], {
    env: { ...process.env, ...env }
  })
  t.teardown(() => child.kill())
  let output = ''
  const listen = (chunk: Buffer) => (output += chunk.toString())
  child.stdout?.on('data', listen)
  child.stderr?.on('data', listen)
  const end = once(child, 'close').then(([code]) => ({ code: code as number | null, output }))
  return {
    child,
    end,
    output: () => output,
    /** Resolves as well when it has ended without saying so. */
    async untilItSays(text: string): Promise<void> {
      while (!output.includes(text) && child.exitCode === null) {
        await Promise.race([once(child.stdout ?? child, 'data'), end])
      }
    }
  }
}

function summary({ sent, delivered, failed }: Record<'sent' | 'delivered' | 'failed', number>) {
  return new RegExp(
    [
      `requests sent +${sent}`,
      `delivered +${delivered}`,
      `failed +${failed} +do-not-retry`,
      'parked +0',
      'duplicates answered +1',
      'quarantined +1',
      `results on the queue +${sent}`
    ].join('\\n +')
  )
}

function found(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? ''
}
