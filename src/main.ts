import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { type Config, ConfigError, readConfig } from './config/read-config.ts'
import { forgetSecrets } from './config/secrets.ts'
import { callbackUrlLength } from './crypto/callback-token.ts'
import { logLibraryOutput } from './app/log-library-output.ts'
import { startService } from './app/start.ts'

// SIGUSR1 would open a debugger to all that may connect to this machine's loopback.
process.on('SIGUSR1', () => {})

/**
 * SIGTERM ends the process within 10 s, or within 5 s behind a longer delay. Another worker does again what is not done
 * by then.
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
// Straight to the stream: pino's own writer tries for ever, and keeps the process, when the reader has gone.
process.stdout.on('error', () => {})
const log = pino({ level: config.logLevel, base: { role: config.role } }, process.stdout)
// What Node has to warn of, and what libraries print, is a line of the log like any other.
globalThis.console = logLibraryOutput(log)
process.removeAllListeners('warning')
process.on('warning', ({ name, message }) => log.warn({ warning: name, message }, 'node warning'))
const starting = startService(config, log)

const { shutdownDelayMs } = config
const endWithinMs = Math.max(END_WITHIN_MS, shutdownDelayMs + END_BEHIND_DELAY_MS)

// Before the start is over: a signal that comes in the middle of it ends it in order, too.
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
    // After a fault of ours nothing more is taken.
    const delayMs = err ? 0 : shutdownDelayMs
    await Promise.race([starting.then((service) => service.close(delayMs)), timer])
    log.info('service stopped')
  }
)

function described(error: unknown) {
  return error instanceof Error ? { error: error.name, stack: error.stack } : { error: 'unknown' }
}

await starting
  .then(({ fits }) => fits)
  .catch((error: Error & { code?: string }) => {
    log.fatal({ code: error.code, error: error.message }, 'service could not start')
    process.exit(1)
  })
