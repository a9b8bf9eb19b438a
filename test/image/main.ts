import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { findEngine } from './find-engine.ts'

const USAGE = `npm run test:image [-- beginnings of names]

Builds the image, starts docker-compose.yml, looks inside, and breaks it. With beginnings of names only these
checks are made, and those that they need.

It uses the Docker engine that is there, or, for root on Debian, a private one in namespaces of its own, with
stand-ins for the base images; else it says why it was skipped. It ends with "N passed, N failed", and leaves
nothing behind but what it has unpacked in node_modules/.cache.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', default: false } }
})
if (values.help) console.log(USAGE)
else process.exitCode = await testContainer()

/** Resolves with the exit code. */
async function testContainer(): Promise<number> {
  const engine = await findEngine((line) => console.log(line))
  if (typeof engine === 'string') {
    console.log(`test:image skipped: ${engine}`)
    return 0
  }
  console.log(engine.name)
  try {
    const checks = fileURLToPath(new URL('checks.ts', import.meta.url))
    const [command = process.execPath, ...args] = [
      ...engine.enter,
      process.execPath,
      checks,
      ...positionals
    ]
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...engine.env } })
    // Whoever interrupts this interrupts the checks, which clear up before they end.
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => child.kill(signal))
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } finally {
    await engine.end()
  }
}
