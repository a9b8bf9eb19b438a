import { ConfigError, readSecretKeys } from '../config/read-config.ts'
import { deriveKey } from '../crypto/derive-key.ts'

/** Prints RESULT_KEYS, the keys with which consumers decrypt results: see docs/reference/encrypted-results.md. */
function printResultKeys(): void {
  const keys = readSecretKeys().map(
    ({ kid, bytes }) => `${kid}:${deriveKey(bytes, 'result').toString('base64')}`
  )
  process.stdout.write(`${keys.join()}\n`)
}

try {
  printResultKeys()
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
