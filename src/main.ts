import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { type Config, ConfigError, readConfig } from './config.ts'
import { forgetSecrets } from './config/secrets.ts'
import { callbackUrlLength } from './khipu/capability.ts'
import { logPrints } from './main/prints.ts'
import { startService } from './main/service.ts'

/** SIGTERM ends the process within 10 s: whatever is not done by then is done again by another worker. */
const CLOSE_WITHIN_MS = 8_000
const KILL_AFTER_MS = 9_500

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
globalThis.console = logPrints(log)
process.removeAllListeners('warning')
process.on('warning', ({ name, message }) => log.warn({ warning: name, message }, 'node warns'))
const starting = startService(config, log)

// Before the start is over: a signal that comes in the middle of it ends it in order, too.
closeWithGrace({ delay: KILL_AFTER_MS, logger: false }, async ({ signal, err }) => {
  if (err) log.fatal({ error: err.name, stack: err.stack }, 'service failed')
  else log.info({ signal }, 'service stopping')
  const timer = new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN_MS))
  await Promise.race([starting.then((service) => service.close()), timer])
  log.info('service stopped')
})

await starting
  .then(({ fits }) => fits)
  .catch((error: Error & { code?: string }) => {
    log.fatal({ code: error.code, error: error.message }, 'service could not start')
    process.exit(1)
  })
