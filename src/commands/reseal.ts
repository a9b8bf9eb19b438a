import { pino } from 'pino'
import { ConfigError, readConfig } from '../config/read-config.ts'
import { callbackUrlLength } from '../crypto/callback-token.ts'
import { reEncryptLedger } from './reseal-ledger.ts'

/** `npm run reseal`: re-encrypts stored values with the new first key of SECRET_KEYS and prints which keys can go. */
const log = pino({ level: 'error' }, process.stderr)
try {
  const lines = await reEncryptLedger(readConfig(callbackUrlLength), log)
  process.stdout.write(`${lines.join('\n')}\n`)
} catch (error) {
  if (!(error instanceof Error)) throw error
  const message =
    error instanceof ConfigError ? error.message : `could not reseal: ${error.message}`
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}
