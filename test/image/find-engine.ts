import type { Engine } from './engine.ts'
import { privateEngineHindrance, startPrivateEngine } from './private-engine.ts'
import { run } from './run.ts'

/** The engine that is there, or else a private one; why there is none, in one line, where none can be had. */
export async function findEngine(log: (line: string) => void): Promise<Engine | string> {
  const version = await existing()
  if (version !== null) {
    return { name: `Docker ${version}, as it is`, enter: [], env: {}, end: async () => {} }
  }
  const hindrance = privateEngineHindrance()
  if (hindrance !== null)
    return `no Docker engine with Compose and Buildx is here, and ${hindrance}`
  return startPrivateEngine(log).catch(
    (error: Error) => `no engine could be started: ${error.message}`
  )
}

async function existing(): Promise<string | null> {
  try {
    const version = await run('docker', ['version', '--format', '{{.Server.Version}}'])
    await run('docker', ['compose', 'version'])
    await run('docker', ['buildx', 'version'])
    return version.trim()
  } catch {
    return null
  }
}
