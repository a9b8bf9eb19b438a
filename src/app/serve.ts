import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { type Config, ConfigError, readConfig } from '../config/read-config.ts'
import { forgetSecrets } from '../config/secrets.ts'
import { callbackUrlLength } from '../crypto/callback-token.ts'
import { logLibraryOutput } from './log-library-output.ts'
import { startService } from './start.ts'

/**
 * SIGTERM ends the process within 10 s. Where SHUTDOWN_DELAY is longer than 5 s, the process ends within 5 s after the
 * delay. Another worker repeats the jobs that are not done by then.
 */
const END_WITHIN_MS = 10_000
const END_BEHIND_DELAY_MS = 5_000
const KILL_BEFORE_END_MS = 500
const CLOSE_BEFORE_END_MS = 2_000

function configure(): Config {
  try {
    const config = readConfig(callbackUrlLength)
    forgetSecrets()
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

const config = configure()
// The log goes to the stream directly. When the reader has gone, pino's own writer retries for ever and the process
// cannot end.
process.stdout.on('error', () => {})
const log = pino({ level: config.logLevel, base: { role: config.role } }, process.stdout)
// Warnings of Node and output of libraries become log lines.
globalThis.console = logLibraryOutput(log)
process.removeAllListeners('warning')
process.on('warning', ({ name, message }) => log.warn({ warning: name, message }, 'node warning'))
const starting = startService(config, log)

const { shutdownDelayMs } = config
const endWithinMs = Math.max(END_WITHIN_MS, shutdownDelayMs + END_BEHIND_DELAY_MS)

// Registered before the start is complete, so that a signal during the start also ends the process in order.
closeWithGrace(
  {
    delay: endWithinMs - KILL_BEFORE_END_MS,
    logger: false,
    onTimeout: () => log.error('service did not stop in time'),
    onSecondSignal: (signal) => log.warn({ signal }, 'service stopped at once'),
    onSecondError: (error) => log.fatal(described(error), 'service failed while stopping')
  },
  async ({ signal, err }) => {
    if (err) log.fatal(described(err), 'service failed')
    else log.info({ signal }, 'service stopping')
    const timer = new Promise((resolve) => setTimeout(resolve, endWithinMs - CLOSE_BEFORE_END_MS))
    // After an internal error the listener closes without a delay.
    const delayMs = err ? 0 : shutdownDelayMs
    await Promise.race([starting.then((service) => service.close(delayMs)), timer])
    log.info('service stopped')
  }
)

function described(error: unknown) {
  return error instanceof Error ? { error: error.name, stack: error.stack } : { error: 'unknown' }
}

/** Resolves once the listeners are open and the workers run. A process that can't start ends. */
export const started: Promise<unknown> = starting.catch(giveUp)
starting.then(({ fits }) => fits).catch(giveUp)

function giveUp({ code, message }: Error & { readonly code?: string }): void {
  log.fatal({ code, error: message }, 'service could not start')
  process.exit(1)
}
