import { readFileSync } from 'node:fs'
import { type Answer, call } from './service-process.ts'

/** The callback that Khipu's documentation shows. */
export const SAMPLE = readFileSync(
  new URL('../../schemas/examples/callback.example.json', import.meta.url),
  'utf8'
)

/** Calls back with the sample as it stands, or with a changed one. */
export function postSample<Body = unknown>(
  callbackUrl: string | null | undefined,
  changes?: object
): Promise<Answer<Body>> {
  const changed = () => JSON.stringify({ ...Object(JSON.parse(SAMPLE)), ...changes })
  const body = changes === undefined ? SAMPLE : changed()
  return call<Body>(callbackUrl ?? '', { method: 'POST', body })
}
