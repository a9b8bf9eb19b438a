// Writes docs/reference/openapi.json, the document that a process gives at /openapi.json. With --check it only compares,
// for CI.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { format, resolveConfig } from 'prettier'
import {
  buildOperatorListener,
  type OperatorListenerDeps
} from '../src/operator/operator-listener.ts'

const COMMAND = 'npm run generate'
const OUTPUT = fileURLToPath(new URL('../docs/reference/openapi.json', import.meta.url))

/** The operator listener, to look at its routes: they are declared without touching what they work with. */
export async function listenerWithoutService(): Promise<FastifyInstance> {
  const log = pino({ level: 'silent' })
  const health = { metrics: () => {} }
  const deps = { health, operator: { tokens: [], log }, dropped: () => {}, answered: () => {}, log }
  const settings = { maxConnections: 1, trustedProxies: [] }
  const app = await buildOperatorListener(deps as unknown as OperatorListenerDeps, settings)
  await app.ready()
  return app
}

/** The OpenAPI document, as it stands in the file. */
export async function openApiText(): Promise<string> {
  const app = await listenerWithoutService()
  const { body } = await app.inject({ url: '/openapi.json' })
  await app.close()
  return format(body, { ...(await resolveConfig(OUTPUT)), parser: 'json' })
}

if (import.meta.main) {
  const text = await openApiText()
  if (!process.argv.includes('--check')) {
    writeFileSync(OUTPUT, text)
  } else if (!existsSync(OUTPUT) || readFileSync(OUTPUT, 'utf8') !== text) {
    console.error(`docs/reference/openapi.json does not match the routes. Run: ${COMMAND}`)
    process.exitCode = 1
  }
}
