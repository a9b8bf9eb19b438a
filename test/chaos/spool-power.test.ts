import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import t from 'tap'
import { openSpool } from '../../src/spool/spool.ts'
import { mainsHindrance, openMains } from './faults/power-cut.ts'
import { spoolFolder } from '../helpers/spool.ts'

const skip = (await mainsHindrance()) ?? false
const bounds = { mostBytes: 1e9, mostOfRequest: 1e9, mostBytesOfRequest: 1e9, leaveFree: 0 }
const cipher = {
  encrypt: (plain: Uint8Array) => Buffer.from(plain),
  decrypt: (sealed: Uint8Array) => Buffer.from(sealed)
}

t.test('what was told to be spooled is there after a power cut', { skip }, async (t) => {
  const mains = await openMains(t)
  const folder = spoolFolder(t)
  const program = `
    import { openSpool } from './src/spool/spool.ts'
    const cipher = { encrypt: (plain) => Buffer.from(plain), decrypt: (sealed) => Buffer.from(sealed) }
    const bounds = ${JSON.stringify(bounds)}
    const spool = openSpool({ folder: ${JSON.stringify(folder)}, ...bounds, cipher })
    for (let n = 0; n < 20; n += 1) {
      const callback = { requestId: 'one', attempt: 1, callbackId: String(n), isEncoded: false, receivedAt: n }
      await spool.put(callback, Buffer.from(String(n)))
    }
    console.log('spooled')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...mains.env }
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(createInterface({ input: child.stdout }), 'line')
  child.kill('SIGKILL')
  await once(child, 'close')
  for (const suffix of ['', '-wal']) await mains.cutFile(join(folder, `callbacks.sqlite${suffix}`))

  const spool = openSpool({ folder, ...bounds, cipher })
  t.teardown(() => spool.close())
  t.equal(spool.usage().entries, 20)
})
