import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { bundle } from '../../scripts/build.ts'

t.test('the bundle takes no more memory than it needs', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'khipu-build-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await bundle(folder)
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.js'))
  t.ok(files.includes('main.js'))
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8')
    // Such an import loads `fetch` and a WebSocket.
    t.notOk(/^import [^;]* from "(?:node:)?http"/m.test(text), file)
    // One character beyond Latin-1, and V8 keeps two bytes of each. The pages are loaded at their first call.
    if (!file.startsWith('build-pages-')) t.notOk(/[^\0-\xff]/.test(text), file)
  }
})
