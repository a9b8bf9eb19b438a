import { join } from 'node:path'
import { build } from 'esbuild'
import { freePort } from '../../simulator/free-port.ts'
import { KEY } from './service.ts'
import { ROOT, startNode, type Started, untilReady } from './processes.ts'

/** A receiver that the service is compared with. */
export interface Receiver extends Started {
  readonly port: number
}

const FOLDER = join(ROOT, 'dist', 'bench')

/** Compiles the compared programs to JavaScript. Their packages stay in node_modules, as one installs them. */
export async function buildCompared(): Promise<void> {
  await build({
    entryPoints: ['receiver', 'dutiful-receiver', 'mover'].map((name) =>
      join(ROOT, 'bench', 'site', `${name}.ts`)
    ),
    outdir: FOLDER,
    bundle: true,
    packages: 'external',
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    logLevel: 'warning'
  })
}

/** The receiver that stores nothing, or with a Redis the textbook one. It is not ready yet. */
export async function launchReceiver(redisUrl?: string): Promise<Receiver> {
  const port = await freePort()
  const env = { PORT: String(port), ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }) }
  const name = redisUrl === undefined ? 'receiver-without-store' : 'textbook-receiver'
  return { ...startNode(name, [join(FOLDER, 'receiver.mjs')], env), port }
}

export async function startReceiver(redisUrl?: string): Promise<Receiver> {
  return ready(await launchReceiver(redisUrl))
}

/** The textbook receiver that also does what the service owes to a callback. */
export async function startDutifulReceiver(redisUrl: string): Promise<Receiver> {
  const port = await freePort()
  const env = { PORT: String(port), REDIS_URL: redisUrl, SECRET_KEY: KEY.toString('base64') }
  const file = join(FOLDER, 'dutiful-receiver.mjs')
  return ready({ ...startNode('dutiful-receiver', [file], env), port })
}

async function ready(receiver: Receiver): Promise<Receiver> {
  await untilReady(receiver, `http://127.0.0.1:${receiver.port}/`)
  return receiver
}

export function startMover(redisUrl: string): Started {
  return startNode('mover', [join(FOLDER, 'mover.mjs')], { REDIS_URL: redisUrl })
}
